"""Means of training metrics over an epoch, stored in checkpoints within the epoch."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor


class EpochMeans:
    """Sums over the images seen so far in an epoch."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._images = 0

    def add(self, images: int, values: Mapping[str, Tensor | float]) -> None:
        """Add the means over a number of images; names must be the same in every call."""
        self._images += images
        for name, value in values.items():
            part = torch.as_tensor(value).detach().float() * images
            self._sums[name] = self._sums[name] + part if name in self._sums else part

    def take(self, trainer: pl.Trainer) -> dict[str, float]:
        """The means over the images of all processes since the last call; resets the sums."""
        sums, images = self._sums, self._images
        self._sums, self._images = {}, 0
        if not sums:
            return {}
        device = next(iter(sums.values())).device
        every = torch.stack([*(sums[name].to(device) for name in sorted(sums))])
        every = torch.cat([every, every.new_tensor([float(images)])])
        if trainer.world_size > 1:
            every = trainer.strategy.reduce(every, reduce_op="sum")
        *totals, count = every.tolist()
        return {name: total / count for name, total in zip(sorted(sums), totals, strict=True)}

    def state_dict(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"sums": dict(self._sums), "images": self._images}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        self._sums, self._images = dict(state["sums"]), int(state["images"])


class MeasuredModule(pl.LightningModule, ABC):
    """A module whose checkpoints hold its `EpochMeans`."""

    def __init__(self) -> None:
        super().__init__()
        self.means = EpochMeans()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lightning's hook."""
        checkpoint["epoch_means"] = self.means.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lightning's hook."""
        self.means.load_state_dict(checkpoint["epoch_means"])

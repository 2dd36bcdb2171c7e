"""Metrics of every epoch, stored in checkpoints so that a resumed run has a complete history."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from wsss.atomic import replacing
from wsss.training.divergence import refuse_divergence
from wsss.training.epoch_means import MeasuredModule
from wsss.training.epoch_metrics import EpochMetrics


class History(pl.Callback):
    """Collects the metrics of every epoch and writes them as ``history.jsonl``.

    Args:
        path: the file, rewritten after each epoch.
        report: called with (epoch, metrics) after each epoch.
        rate: config key of the learning rate, named if training diverges.
    """

    def __init__(self, path: Path, report: Callable[[int, EpochMetrics], None], rate: str) -> None:
        self._path, self._report, self._rate = path, report, rate
        self.records: list[EpochMetrics] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Collect the epoch's metrics; validation has already run.

        Raises:
            UserError: training has diverged; the epoch is neither recorded nor stored.
        """
        assert isinstance(module, MeasuredModule)
        validated = {name: float(value) for name, value in trainer.callback_metrics.items()}
        metrics = dict(sorted((validated | module.means.take(trainer)).items()))
        refuse_divergence(metrics, trainer.current_epoch, self._rate)
        metrics["lr"] = float(trainer.optimizers[0].param_groups[0]["lr"])
        self.records.append({"epoch": trainer.current_epoch, **metrics})
        if not trainer.is_global_zero:
            return
        self.write()
        self._report(trainer.current_epoch, metrics)

    def write(self) -> None:
        """Write the file; after a resume too, since a power loss may have cut it."""
        lines = [json.dumps(record) for record in self.records]
        with replacing(self._path, durable=False) as partial:  # written anew after every epoch
            partial.write_text("\n".join(lines) + "\n")

    def state_dict(self) -> dict[str, Any]:
        """State for the checkpoint."""
        return {"records": self.records}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        self.records = list(state_dict["records"])

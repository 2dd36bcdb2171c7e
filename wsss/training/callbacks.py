"""Callbacks that keep a training resumable at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

from wsss.training.stopping import interruption


class ResumableEarlyStopping(EarlyStopping):
    """Early stopping that remains in force when a stopped run is resumed."""

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stop again; Lightning's checkpoint does not store that training was over."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class SaveWhenInterrupted(pl.Callback):
    """Saves a checkpoint within an epoch, then calls the handler of the stop signal.

    Only for a single process: several would have to agree on the step, so they resume from the
    end of an epoch.
    """

    def __init__(self, checkpoint: Path) -> None:
        self._checkpoint = checkpoint

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """From now on, signals wait for the end of a step."""
        interruption.training = trainer.world_size == 1

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_index: int
    ) -> None:
        """Save and stop after a signal, unless gradients are being accumulated.

        This runs as a step starts: only then does Lightning count the previous step as done.
        """
        if interruption.waiting and batch_index % trainer.accumulate_grad_batches == 0:
            trainer.save_checkpoint(self._checkpoint)
            self._call_handlers()

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stop after a signal during validation; the checkpoint of the epoch exists already."""
        self._call_handlers()

    def teardown(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        """Training has ended or failed; signals no longer wait."""
        interruption.training = False
        self._call_handlers()

    def _call_handlers(self) -> None:
        while interruption.waiting:
            interruption.training = False
            interruption.waiting.pop()()

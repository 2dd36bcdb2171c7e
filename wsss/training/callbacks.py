"""What keeps a training resumable, whenever it is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.plugins.io import TorchCheckpointIO

from wsss.atomic import replacing
from wsss.training.stopping import warnings


class ResumableEarlyStopping(EarlyStopping):
    """Early stopping that also holds for a run which was killed after it had stopped."""

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Lightning forgets with the process that training was over."""
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoints that a kill in mid-write cannot damage."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write beside the target, then replace it."""
        with replacing(Path(path)) as partial:
            torch.save(checkpoint, partial)


class SaveWhenWarned(pl.Callback):
    """Saves a checkpoint in mid-epoch, then lets the handler of the warning end the process.

    Several processes would have to agree on the step; they go on from their last whole epoch.
    """

    def __init__(self, checkpoint: Path) -> None:
        self._checkpoint = checkpoint

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """From here on a warning waits for the end of a step."""
        warnings.training = trainer.world_size == 1

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_index: int
    ) -> None:
        """Heed a warning, unless gradients are being accumulated.

        Only now does Lightning count the step before as done.
        """
        if warnings.waiting and batch_index % trainer.accumulate_grad_batches == 0:
            trainer.save_checkpoint(self._checkpoint)
            self._heed()

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Heed a warning that came while the last epoch was validated; its checkpoint is there."""
        self._heed()

    def teardown(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        """Training is over, also where it failed."""
        warnings.training = False
        self._heed()

    def _heed(self) -> None:
        while warnings.waiting:
            warnings.training = False
            warnings.waiting.pop()()

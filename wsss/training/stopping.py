"""A warning that the process is to be stopped, heeded where training can go on from later."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl

Handler = Callable[[int, FrameType | None], Any]


@dataclass
class _Warnings:
    """Whether a training is under way, and the warning that waits for its next step."""

    training: bool = False
    waiting: list[Callable[[], Any]] = field(default_factory=list)


_warnings = _Warnings()


@contextmanager
def heeding(number: signal.Signals) -> Iterator[None]:
    """Within the context the handler of a signal is called after the optimizer step under way.

    Outside of training it is called at once. Only the main thread may enter.
    """
    handler = signal.getsignal(number)
    if not callable(handler):
        yield
        return

    def defer(received: int, frame: FrameType | None) -> None:
        if _warnings.training:
            _warnings.waiting.append(lambda: handler(received, frame))
        else:
            handler(received, frame)

    signal.signal(number, defer)
    try:
        yield
    finally:
        signal.signal(number, handler)


class SaveWhenWarned(pl.Callback):
    """Saves a checkpoint in mid-epoch, then lets the handler of the warning end the process.

    Several processes would have to agree on the step; they go on from their last whole epoch.
    """

    def __init__(self, checkpoint: Path) -> None:
        self._checkpoint = checkpoint

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """From here on a warning waits for the end of a step."""
        _warnings.training = trainer.world_size == 1

    def on_train_batch_start(
        self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_index: int
    ) -> None:
        """Heed a warning, unless gradients are being accumulated.

        Only now does Lightning count the step before as done.
        """
        if _warnings.waiting and batch_index % trainer.accumulate_grad_batches == 0:
            trainer.save_checkpoint(self._checkpoint)
            self._heed()

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Heed a warning that came while the last epoch was validated; its checkpoint is there."""
        self._heed()

    def teardown(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        """Training is over, also where it failed."""
        _warnings.training = False
        self._heed()

    def _heed(self) -> None:
        while _warnings.waiting:
            _warnings.training = False
            _warnings.waiting.pop()()

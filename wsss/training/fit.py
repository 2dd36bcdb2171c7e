"""Run a Lightning module to its end, from the start or from where it was interrupted."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch.utils.data import DataLoader

from wsss.checks import check_choice, check_least, check_positive
from wsss.training.device import pick_device
from wsss.training.history import History, Record
from wsss.training.samples import Batch

PRECISIONS = ("32", "bf16", "16")
SELECTIONS = ("last", "best")


@dataclass(frozen=True)
class TrainerConfig:
    """Length and manner of training.

    ``select`` keeps the ``last`` weights, or the ``best`` by the loss on the validation split,
    which only knows image labels. ``early_stopping`` is the number of epochs without a better
    validation loss after which training ends. ``accelerator``, ``num_workers`` and
    ``progress_bar`` do not change the result.
    """

    max_epochs: int
    batch_size: int
    accumulate_grad_batches: int
    gradient_clip: float | None
    precision: str
    early_stopping: int | None
    select: str
    accelerator: str
    num_workers: int
    progress_bar: bool

    def __post_init__(self) -> None:
        check_choice("trainer.precision", self.precision, PRECISIONS)
        check_choice("trainer.select", self.select, SELECTIONS)
        check_least("trainer.max_epochs", self.max_epochs, 0)
        check_least("trainer.batch_size", self.batch_size, 1)
        check_least("trainer.accumulate_grad_batches", self.accumulate_grad_batches, 1)
        check_positive("trainer.gradient_clip", self.gradient_clip)
        check_least("trainer.early_stopping", self.early_stopping, 1)
        check_least("trainer.num_workers", self.num_workers, 0)

    def result_settings(self) -> dict[str, Any]:
        """The settings that change what is learnt, whatever the length of the run."""
        names = ("accumulate_grad_batches", "gradient_clip", "precision", "early_stopping")
        return {name: getattr(self, name) for name in (*names, "select")}


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoints that a kill in mid-write cannot damage."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write beside the target, then replace it."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        torch.save(checkpoint, partial)
        os.replace(partial, path)


def fit(
    module: pl.LightningModule,
    train: DataLoader[Batch],
    val: DataLoader[Batch],
    *,
    config: TrainerConfig,
    max_epochs: int,
    directory: Path,
    work: Path,
    report: Callable[[int, Record], None],
) -> list[Record]:
    """Train, validate after each epoch, and leave the chosen weights in ``module``.

    A checkpoint is written after every epoch; if ``work`` holds one, training goes on from it and
    gives the same bits as if it had never stopped.

    Args:
        module: what to train.
        train: batches of an epoch.
        val: batches of the validation split.
        config: manner of training.
        max_epochs: length; 0 leaves the module as it is.
        directory: receives ``history.jsonl``.
        work: keeps checkpoints until the caller removes it.
        report: called with (epoch, metrics).

    Returns:
        the metrics of every epoch.
    """
    if max_epochs == 0:
        return []
    pick_device(config.accelerator)  # says what is wrong better than Lightning does
    history = History(directory / "history.jsonl", report)
    last = ModelCheckpoint(work, "last", save_top_k=1, enable_version_counter=False)
    best = ModelCheckpoint(
        work, "best", monitor="val/loss", save_top_k=1, enable_version_counter=False
    )
    # The checkpoint that a resume starts from comes last: it then holds the state of the others.
    callbacks: list[Callback] = [history, *([best] if config.select == "best" else []), last]
    if config.early_stopping is not None:
        callbacks.insert(0, EarlyStopping("val/loss", patience=config.early_stopping))
    bar = config.progress_bar and sys.stderr.isatty()
    # Which accelerators it looked for, and an advertisement: nothing that a user can act upon.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    trainer = pl.Trainer(
        accelerator=config.accelerator,
        devices=1,
        max_epochs=max_epochs,
        accumulate_grad_batches=config.accumulate_grad_batches,
        gradient_clip_val=config.gradient_clip,
        precision={"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}[config.precision],  # type: ignore[arg-type]
        callbacks=[*callbacks, RichProgressBar(leave=False)] if bar else callbacks,
        plugins=[AtomicCheckpointIO()],
        default_root_dir=work,
        logger=False,
        enable_progress_bar=bar,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        deterministic=True,
        use_distributed_sampler=False,
    )
    resume = work / "last.ckpt"
    module.train()
    with warnings.catch_warnings():
        _silence_warnings()
        trainer.fit(module, train, val, ckpt_path=resume if resume.exists() else None)
    if config.select == "best" and best.best_model_path:
        chosen = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        module.load_state_dict(chosen["state_dict"])
    module.cpu().eval()
    return history.records


def _silence_warnings() -> None:
    """Advice that does not apply: small data sets, loaders without workers, resumed folders."""
    for message in (
        ".*does not have many workers.*",
        ".*The number of training batches.*",
        ".*Checkpoint directory .* exists.*",
        ".*LeafSpec.*",
    ):
        warnings.filterwarnings("ignore", message=message)

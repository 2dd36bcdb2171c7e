"""Train a Lightning module, from the start or from the last checkpoint."""

from __future__ import annotations

import logging
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, RichProgressBar
from torch.utils.data import DataLoader

from wsss.training.callbacks import ResumableEarlyStopping, SaveWhenInterrupted
from wsss.training.checkpoints import AtomicCheckpointIO, MovableCheckpoint, discard_damaged
from wsss.training.device import pick_device
from wsss.training.epoch_means import MeasuredModule
from wsss.training.epoch_metrics import EpochMetrics
from wsss.training.history import History
from wsss.training.rendezvous import cluster_environment
from wsss.training.samples import Batch, batches_of
from wsss.training.trainer_config import TrainerConfig
from wsss.training.world import training_world


def fit(
    module: MeasuredModule,
    train: DataLoader[Batch],
    val: DataLoader[Batch],
    *,
    config: TrainerConfig,
    max_epochs: int,
    directory: Path,
    work: Path,
    report: Callable[[int, EpochMetrics], None],
    rate: str,
) -> list[EpochMetrics]:
    """Train, validate after each epoch, and leave the chosen weights in ``module``.

    A checkpoint is written after every epoch, and within an epoch after a stop signal
    (`wsss.training.stopping`). If ``work`` holds a checkpoint, training resumes from it and gives
    the same bits as without the interruption.

    Args:
        module: the module to train.
        train: batches of an epoch.
        val: batches of the validation split.
        config: settings of the training loop.
        max_epochs: number of epochs; 0 leaves the module unchanged.
        directory: receives ``history.jsonl``.
        work: folder for checkpoints, removed by the caller; all processes must see it.
        report: called with (epoch, metrics) after each epoch.
        rate: config key of the learning rate, named if training diverges.

    Returns:
        the metrics of every epoch.

    Raises:
        UserError: the device, or one of the processes that train together, is missing; or training
            has diverged.
    """
    if max_epochs == 0:
        return []
    device = pick_device(config.accelerator)  # its message is better than Lightning's
    world = training_world(config.devices, config.num_nodes)
    history = History(directory / "history.jsonl", report, rate)
    last = MovableCheckpoint(work, "last", save_top_k=1, enable_version_counter=False)
    best = MovableCheckpoint(
        work, "best", monitor="val/loss", save_top_k=1, enable_version_counter=False
    )
    stop = SaveWhenInterrupted(work / "last.ckpt")
    # The checkpoint to resume from is written last, so that it holds the state of the others.
    callbacks: list[Callback] = [stop, history, *([best] if config.select == "best" else []), last]
    if config.early_stopping is not None:
        callbacks.insert(0, ResumableEarlyStopping("val/loss", patience=config.early_stopping))
    bar = config.progress_bar and sys.stderr.isatty() and world.leads
    # Lists of accelerators and an advertisement: nothing that a user can act upon.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    resume = work / "last.ckpt"
    if world.leads:
        discard_damaged(resume, *([work / "best.ckpt"] if config.select == "best" else []))
    if resume.exists():
        batches_of(train).resume(*_progress(resume, len(train)))
    module.train()
    with warnings.catch_warnings():
        _silence_warnings()
        trainer = pl.Trainer(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.num_nodes,
            strategy="auto" if world.size == 1 else "ddp",
            sync_batchnorm=world.size > 1
            and device.type == "cuda",  # PyTorch supports it on CUDA only
            max_epochs=max_epochs,
            accumulate_grad_batches=config.accumulate_grad_batches,
            gradient_clip_val=config.gradient_clip,
            precision={"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}[config.precision],  # type: ignore[arg-type]
            callbacks=[*callbacks, RichProgressBar(leave=False)] if bar else callbacks,
            plugins=[AtomicCheckpointIO(), cluster_environment(world, work)],
            default_root_dir=work,
            logger=False,
            enable_progress_bar=bar,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            deterministic="warn",  # CUDA has no deterministic 2-d cross-entropy
            use_distributed_sampler=False,
        )
        try:
            trainer.fit(module, train, val, ckpt_path=resume if resume.exists() else None)
        except SystemExit as end:
            if end.code != 1:
                raise
            # Lightning's response to Ctrl-C, after which it ignores the signal.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt from None
    if world.leads and history.records:
        history.write()
    if config.select == "best" and best.best_model_path:
        chosen = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        module.load_state_dict(chosen["state_dict"])
    module.cpu().eval()
    return history.records


def _progress(checkpoint: Path, batches: int) -> tuple[int, int]:
    """The epoch in which a checkpoint resumes, and the number of its batches that are done."""
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    loop = content["loops"]["fit_loop"]
    done = int(loop["epoch_loop.batch_progress"]["current"]["completed"])
    epoch = int(content["epoch"])
    return (epoch, done) if done < batches else (epoch + 1, 0)


def _silence_warnings() -> None:
    """Hide advice that does not apply: small data, no workers, resumed folders, srun."""
    for message in (
        ".*does not have many workers.*",
        ".*The number of training batches.*",
        ".*Checkpoint directory .* exists.*",
        ".*LeafSpec.*",
        ".*`srun` command is available.*",
    ):
        warnings.filterwarnings("ignore", message=message)

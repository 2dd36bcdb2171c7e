"""A training that is stopped within an epoch resumes there and ends with the same bits."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor

from wsss.config.composing import compose_config
from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.open import open_dataset
from wsss.stages import classifier
from wsss.training.classifier import ClassifierTraining
from wsss.training.fit import fit
from wsss.training.masking import absent_shares
from wsss.training.samples import TrainingSamples, build_loader
from wsss.training.stopping import heeding

SMALL = (
    "dataset.scenes_train=20",
    "dataset.scenes_val=4",
    "dataset.scenes_test=4",
    "dataset.scene_size=16",
    "model.embed_dim=12",
    "model.num_heads=3",
    "trainer.accelerator=cpu",
    "trainer.progress_bar=false",
    "trainer.max_epochs=3",
    "trainer.batch_size=4",
)


class Stopped(Exception):
    """In place of the end of the process."""


class Signalled(ClassifierTraining):
    """Receives the signal in one of its steps."""

    signal_at: tuple[int, int] | None = None

    def training_step(self, batch: dict[str, Tensor], batch_index: int) -> Tensor:
        if (self.current_epoch, batch_index) == self.signal_at:
            signal.raise_signal(signal.SIGUSR2)
        return super().training_step(batch, batch_index)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> tuple[Callable[..., Config], Dataset]:
    outputs = tmp_path_factory.mktemp("stopping")

    def config(*overrides: str) -> Config:
        return compose_config(f"paths.outputs={outputs}", *SMALL, *overrides)

    return config, open_dataset(config().dataset)


def training(
    config: Config, dataset: Dataset, folder: Path, signal_at: tuple[int, int] | None = None
) -> dict[str, Any]:
    """Train or resume; return the weights and the history."""
    folder.mkdir(exist_ok=True)
    spec = classifier.input_spec(config, dataset)
    model = classifier.build(config, spec)
    gate_training = config.pruning.with_classifier()
    assert gate_training is not None
    model.gates = gate_training.gates(model)
    samples = TrainingSamples(dataset, "train", spec, augmentation=config.dataset.augment, seed=0)
    loader = build_loader(
        samples,
        batch_size=4,
        seed=0,
        shuffle=True,
        num_workers=config.trainer.num_workers,
    )
    val = TrainingSamples(dataset, "val", spec, augmentation=None, seed=0)
    module = Signalled(
        model,
        masking=config.masking,
        loss=config.loss,
        optimizer=config.optimizer,
        scheduler=config.scheduler,
        max_epochs=3,
        classes=spec.classes,
        multi_label=spec.multi_label,
        seed=0,
        absent=absent_shares(torch.from_numpy(dataset.labels("train"))),
        gate_training=gate_training,
    )
    module.signal_at = signal_at
    fit(
        module,
        loader,
        build_loader(val, batch_size=4, seed=0, shuffle=False, num_workers=0),
        config=config.trainer,
        max_epochs=3,
        directory=folder,
        work=folder / "work",
        report=lambda epoch, metrics: None,
        rate="optimizer.lr",
    )
    history = (folder / "history.jsonl").read_text().splitlines()
    return {"weights": model.state_dict(), "history": [json.loads(line) for line in history]}


def stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("signal_at", "overrides", "batches_done"),
    [
        ((0, 1), (), 2),
        ((1, 3), (), 4),
        ((1, 4), (), 5),  # the last step of an epoch
        ((1, 2), ("trainer.accumulate_grad_batches=2",), 4),
        ((1, 1), ("trainer.num_workers=2",), 2),
    ],
)
def test_stopped_within_an_epoch(
    opened: tuple[Callable[..., Config], Dataset],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    signal_at: tuple[int, int],
    overrides: tuple[str, ...],
    batches_done: int,
) -> None:
    (compose_config, dataset), before = opened, signal.getsignal(signal.SIGUSR2)
    config = compose_config(*overrides)
    whole = training(config, dataset, tmp_path / "whole")
    signal.signal(signal.SIGUSR2, stop)
    try:
        with heeding(signal.SIGUSR2), pytest.raises(Stopped):
            training(config, dataset, tmp_path / "stopped", signal_at)
    finally:
        signal.signal(signal.SIGUSR2, before)
    saved = torch.load(tmp_path / "stopped" / "work" / "last.ckpt", weights_only=True)
    progress = saved["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]
    assert progress["completed"] == batches_done

    again = training(config, dataset, tmp_path / "stopped")

    assert again["history"] == whole["history"]
    assert again["weights"].keys() == whole["weights"].keys()
    for name, values in whole["weights"].items():
        assert torch.equal(again["weights"][name], values), name


def test_outside_of_training_a_signal_is_handled_at_once() -> None:
    before = signal.getsignal(signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, stop)
    try:
        with heeding(signal.SIGUSR2), pytest.raises(Stopped):
            signal.raise_signal(signal.SIGUSR2)
        assert signal.getsignal(signal.SIGUSR2) is stop
    finally:
        signal.signal(signal.SIGUSR2, before)

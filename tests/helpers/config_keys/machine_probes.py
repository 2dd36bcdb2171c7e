"""Probes of how the work is done: threads, processes, batches, blocks. Results stay the same."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import pytest
import torch
from rich.console import Console

from helpers.config_keys.data_probes import outcome
from helpers.config_keys.laboratory import Laboratory, Overrides
from wsss.engine.runner import run_experiment
from wsss.models import block_runner
from wsss.stages import classifier, extract, extraction, train
from wsss.training.classifier import ClassifierTraining
from wsss.training.fit import fit
from wsss.training.masking import absent_shares
from wsss.training.world import training_world


def threads(laboratory: Laboratory, overrides: Overrides) -> object:
    """PyTorch's threads once an experiment is under way."""
    before = torch.get_num_threads()
    try:
        config = laboratory.config((*overrides, "stage=train", "trainer.max_epochs=0"))
        run_experiment(config, Console(quiet=True))
        return torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def workers(laboratory: Laboratory, overrides: Overrides) -> object:
    context = laboratory.context(overrides, laboratory.scratch())
    spec = classifier.input_spec(context.config, context.dataset)
    return [loader.num_workers for loader in classifier.classifier_loaders(context, spec)]


def blocks_run(laboratory: Laboratory, overrides: Overrides) -> object:
    """How often stage train has blocks compiled, and recomputed."""
    calls = {"compile": 0, "checkpoint": 0}

    def compiled(run: Any, **_: Any) -> Any:
        calls["compile"] += 1
        return run

    def recomputed(run: Any, *args: Any, use_reentrant: bool, **kwargs: Any) -> Any:
        calls["checkpoint"] += 1
        return run(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", compiled)
        patch.setattr(block_runner, "checkpoint", recomputed)
        train.run(laboratory.context(overrides, laboratory.scratch()))
    return calls


def readers(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether other processes than this one read the images of stage extract."""
    classifier = laboratory.run(train.STAGE, ())
    context = laboratory.context(overrides, laboratory.scratch(), prune=classifier)
    pids = laboratory.scratch()
    real = context.dataset.read_image

    def watched(image_id: str) -> Any:
        (pids / str(os.getpid())).touch()
        return real(image_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context.dataset, "read_image", watched)
        extract.run(context)
    return [path.name == str(os.getpid()) for path in pids.iterdir()]


def extraction_batches(laboratory: Laboratory, overrides: Overrides) -> object:
    """How many images stage extract gives to the classifier at a time."""
    sizes: list[int] = []
    real = extraction.class_maps  # type: ignore[attr-defined]

    def watched(model: Any, images: torch.Tensor, config: Any, **rest: Any) -> Any:
        sizes.append(len(images))
        return real(model, images, config, **rest)

    classifier = laboratory.run(train.STAGE, ())
    context = laboratory.context(overrides, laboratory.scratch(), prune=classifier)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extraction, "class_maps", watched)
        extract.run(context)
    return sizes


def processes(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether as many processes are there as are to train together."""
    config = laboratory.config(overrides).trainer
    return outcome(lambda: str(training_world(config.devices, config.num_nodes)))


def trainer(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether Lightning finds the accelerator, and whether it shows a bar on a terminal."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    path = laboratory.scratch()
    context = laboratory.context(overrides, path)
    config = context.config
    spec = classifier.input_spec(config, context.dataset)
    module = ClassifierTraining(
        classifier.build(config, spec),
        masking=config.masking,
        loss=config.loss,
        optimizer=config.optimizer,
        scheduler=config.scheduler,
        max_epochs=1,
        classes=spec.classes,
        multi_label=spec.multi_label,
        seed=config.seed,
        absent=absent_shares(torch.from_numpy(context.dataset.labels("train"))),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", Terminal())
        patch.setattr(sys, "stdout", Terminal())
        try:
            fit(
                module,
                *classifier.classifier_loaders(context, spec),
                config=config.trainer,
                max_epochs=1,
                directory=path,
                work=path / "work",
                report=lambda epoch, metrics: None,
                rate="optimizer.lr",
            )
        except Exception as error:  # whatever Lightning says of an accelerator it lacks
            return type(error)
    return type(module.trainer.progress_bar_callback)

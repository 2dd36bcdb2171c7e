"""Probes of runs as a whole: what is refused, where they write, what they record."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from helpers.config_keys.data_probes import outcome
from helpers.config_keys.laboratory import Laboratory, Overrides
from wsss.engine.objective import objective
from wsss.engine.registry import choose_stages, to_rebuild
from wsss.engine.run_directory import RunDirectory
from wsss.engine.runner import run_experiment
from wsss.runs.layout import run_path
from wsss.stages import classifier
from wsss.tracking import Tracker


def refused(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether the config is valid."""
    return outcome(lambda: str(bool(laboratory.config(overrides))))


def complaint(laboratory: Laboratory, overrides: Overrides) -> object:
    """What a user is told whose model does not fit its images."""
    config, dataset = laboratory.opened((*overrides, "model.num_heads=3"))
    return outcome(lambda: str(classifier.build(config, classifier.input_spec(config, dataset))))


def chosen_stages(laboratory: Laboratory, overrides: Overrides) -> object:
    return [stage.name for stage in choose_stages(laboratory.config(overrides).stage)]


def rebuilt(laboratory: Laboratory, overrides: Overrides) -> object:
    """The stages that are made anew."""
    config = laboratory.config(overrides)
    return [stage.name for stage in to_rebuild(config.rebuild, choose_stages(config.stage))]


def run_directory(laboratory: Laboratory, overrides: Overrides) -> object:
    return RunDirectory.open(laboratory.config(overrides)).path


def worth(laboratory: Laboratory, overrides: Overrides) -> object:
    """What a sweeper gets to know of the same metrics."""
    metrics: dict[str, dict[str, Any]] = {
        "train": {"val": {"mAP": 0.25}},
        "evaluate": {"pseudo_mask": {"train": {"miou": 0.75}, "val": {"miou": 0.5}}},
    }
    return objective(laboratory.config(overrides), metrics)


def tracked(laboratory: Laboratory, overrides: Overrides) -> object:
    """Where the record of a run says that it is mirrored to, and under what name."""
    path = laboratory.scratch()
    with Tracker.open(path, laboratory.config(overrides).tracking):
        pass
    (line,) = (path / "events.jsonl").read_text().splitlines()
    event = json.loads(line)
    return event["experiment"], event["uri"]


def flushed(laboratory: Laboratory, overrides: Overrides) -> object:
    """How long the end of a run would wait for the thread that sends events."""
    waits: list[float | None] = []

    def join(thread: threading.Thread, timeout: float | None = None) -> None:
        if thread.name == "wsss-tracking":
            waits.append(timeout)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "join", join)
        Tracker.open(laboratory.scratch(), laboratory.config(overrides).tracking).close()
    return waits


def on_record(laboratory: Laboratory, overrides: Overrides) -> object:
    """Names of the params and system metrics that a run leaves on record."""
    more = ("stage=train", "trainer.max_epochs=0")
    (path,) = experimented(laboratory, laboratory.scratch(), (*overrides, *more)).glob("*.jsonl")
    events = [json.loads(line) for line in path.read_text().splitlines()]
    values = [(e["kind"], name) for e in events for name in e.get("values", {})]
    return {name for kind, name in values if kind == "params" or name.startswith("system/")}


def exported(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether the run's directory holds the segmenter as a model."""
    more = ("stage=[train,prune,extract,generate,segment]",)
    outputs = laboratory.root / "exported"  # the same for all: nothing is built again
    return (experimented(laboratory, outputs, (*overrides, *more)) / "model").exists()


def experimented(laboratory: Laboratory, outputs: Path, overrides: Overrides) -> Path:
    """The run directory of an experiment that was run as from the command line."""
    config = laboratory.config(overrides)
    config = replace(config, paths=replace(config.paths, outputs=str(outputs)))
    run_experiment(config, Console(quiet=True))
    return run_path(config)

"""What a stage is: a pure step from config, upstream artifacts and data to an artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from wsss.data.base import Dataset, Split
from wsss.pipelines.artifacts import Artifact, fingerprint
from wsss.pipelines.config import Config
from wsss.tracking import RunLog
from wsss.training.device import pick_device
from wsss.training.history import Record

Metrics = dict[str, Any]

#: Dataset settings that say where and how data is read or shown; what they lead to, the files,
#: labels, classes and bands, counts itself.
_READING = ("root", "cache_mb", "images", "masks", "labels_file", "classes_file", "lists")
_SHOWING = ("display_bands", "display_range")


@dataclass(frozen=True)
class Context:
    """What a stage gets to work with."""

    config: Config
    dataset: Dataset
    artifact: Artifact
    upstream: Mapping[str, Path]
    """Directories of the artifacts named in `Stage.upstream`."""
    log: RunLog
    console: Console

    @property
    def device(self) -> torch.device:
        """Where networks run."""
        return pick_device(self.config.trainer.accelerator)

    def report_epoch(self, epoch: int, metrics: Record) -> None:
        """Log an epoch's metrics and say the main ones."""
        self.log.metrics(self.artifact.stage, metrics, step=epoch)
        shown = [f"{n} {v:.4g}" for n, v in metrics.items() if "/" in n]
        self.console.print(f"  epoch {epoch + 1}: {', '.join(shown)}", highlight=False)


@dataclass(frozen=True)
class Stage:
    """One step of the chain."""

    name: str
    upstream: tuple[str, ...]
    """Stages whose artifacts are read."""
    inputs: Callable[[Config, Dataset], dict[str, Any]]
    """What determines the result besides the upstream artifacts; JSON-ready."""
    run: Callable[[Context], Metrics]
    """Write the result into ``context.artifact.path`` and return its metrics."""
    key_figure: Callable[[Metrics], str]
    """The metric worth a line on the terminal."""
    version: int = 1
    """Raised when the code changes what the stage makes of the same inputs."""


def dataset_inputs(config: Config, dataset: Dataset, splits: tuple[Split, ...]) -> dict[str, Any]:
    """What of the data determines a result: settings, and the index of the splits in use."""
    left_out = (*_READING, *_SHOWING)
    settings = {k: v for k, v in asdict(config.dataset).items() if k not in left_out}
    settings["kind"] = type(config.dataset).__name__
    settings["classes"] = list(dataset.info.classes)
    settings["bands"] = list(dataset.info.bands)
    index = {
        split: {"images": len(dataset.ids(split)), "digest": fingerprint(dataset.index(split))}
        for split in splits
    }
    return {"settings": settings, "index": index}

"""A stage: a pure step from config, upstream artifacts and data to an artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.types import Split
from wsss.engine.artifacts import Artifact
from wsss.runs.identity import fingerprint
from wsss.runs.layout import dataset_memory
from wsss.tracking import RunLog
from wsss.training.epoch_metrics import EpochMetrics
from wsss.training.world import ALONE, World

if TYPE_CHECKING:  # what stages need is known without PyTorch
    import torch

Metrics = dict[str, Any]
SaveModel = Callable[[Config, Path, Path, Mapping[str, str]], None]
"""Writes an artifact's directory (second argument) as an MLflow model (third), with metadata."""


@dataclass(frozen=True)
class Context:
    """The inputs of a running stage."""

    config: Config
    dataset: Dataset
    artifact: Artifact
    upstream: Mapping[str, Path]
    """Directories of the artifacts named in `Stage.upstream`."""
    log: RunLog
    console: Console
    world: World = ALONE
    """The processes that train together; only the leading one writes."""

    @property
    def memory(self) -> Path:
        """Folder of cached facts about datasets, shared by all experiments."""
        return dataset_memory(self.config)

    @property
    def device(self) -> torch.device:
        """Where networks run."""
        from wsss.training.device import pick_device

        return pick_device(self.config.trainer.accelerator)

    def report_epoch(self, epoch: int, metrics: EpochMetrics, *, unit: str = "epoch") -> None:
        """Log the metrics of an epoch, or of another ``unit`` of work, and print the main ones."""
        self.log.metrics(self.artifact.stage, metrics, step=epoch)
        shown = [f"{n} {v:.4g}" for n, v in metrics.items() if "/" in n]
        self.console.print(f"  {unit} {epoch + 1}: {', '.join(shown)}")


@dataclass(frozen=True)
class Part:
    """Every ``count``-th piece of the work, starting with piece ``index``."""

    index: int
    count: int

    def has(self, piece: int) -> bool:
        """Whether piece number ``piece`` belongs to this part."""
        return piece % self.count == self.index


WHOLE = Part(0, 1)


@dataclass(frozen=True)
class Stage:
    """One step of the chain."""

    name: str
    upstream: tuple[str, ...]
    """Stages whose artifacts are read."""
    inputs: Callable[[Config, Dataset], dict[str, Any]]
    """What determines the result, apart from upstream artifacts; JSON-ready."""
    run: Callable[[Context], Metrics]
    """Write the result into ``context.artifact.path`` and return its metrics."""
    key_figure: Callable[[Metrics], str]
    """The result in a few words, for the table that is printed."""
    version: int = 1
    """Increased whenever a code change alters the result for equal inputs."""
    check: Callable[[Config, Dataset], None] | None = None
    """Raises a `UserError` for what would make ``run`` fail; asked before the first stage runs,
    and by `wsss.check`. It reads no pixel mask."""
    plan: Callable[[Config, Dataset], dict[str, Any]] | None = None
    """For a stage whose ``inputs`` read pixel masks: the same inputs without the masks."""
    run_part: Callable[[Context, Part], None] | None = None
    """Write one part of the result, for stages that can be split; ``run`` completes it."""
    save_model: SaveModel | None = None
    """For a stage whose result can be exported as an MLflow model."""
    trains: Callable[[Config], bool] = lambda config: False
    """Whether several processes train together."""


def dataset_inputs(config: Config, dataset: Dataset, splits: tuple[Split, ...]) -> dict[str, Any]:
    """The part of the data that determines a result: settings, and an index of the splits."""
    info = dataset.info
    settings = config.dataset.determining() | {
        "kind": type(config.dataset).__name__,
        "classes": list(info.classes),
        "background": info.background,
        "multi_label": info.multi_label,
        "bands": list(info.bands),
    }
    index = {
        split: {"images": len(dataset.ids(split)), "digest": fingerprint(dataset.index(split))}
        for split in splits
    }
    return {"settings": settings, "index": index}

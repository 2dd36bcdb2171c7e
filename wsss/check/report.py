"""The report on the inspection of a dataset."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from wsss.data.types import Count, Split

Severity = Literal["fault", "warning"]
Topic = Literal["count", "image", "left out", "mask", "duplicate", "class", "run", "values"]


@dataclass(frozen=True)
class Finding:
    """A fault or a warning."""

    severity: Severity
    """``fault`` if it makes a run fail, else ``warning``."""
    topic: Topic
    """What it concerns."""
    message: str
    """One line that names the file, image or class."""


@dataclass(frozen=True)
class SplitSummary:
    """Image labels of a split."""

    images: int
    """Number of images."""
    labels_per_image: dict[int, int]
    """Number of images by their number of labels, ascending."""
    class_images: dict[str, int]
    """Number of images labelled with each class, in the order of classes."""


@dataclass(frozen=True)
class Sizes:
    """Heights and widths of the images in pixels, ordered by area."""

    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]
    distinct: int
    """Number of distinct sizes."""


@dataclass(frozen=True)
class BandRange:
    """The values of one band over all images, in the dataset's units."""

    band: str
    least: float
    low: float
    """Median over images of the value below which 1 % of the image lies."""
    median: float
    """Median over images of their medians."""
    high: float
    """Median over images of the value above which 1 % of the image lies."""
    most: float
    no_data: float
    """Share of values without data, in [0, 1]."""


@dataclass(frozen=True)
class Report:
    """A dataset and its findings."""

    dataset: str
    bands: tuple[str, ...]
    multi_label: bool
    background: str | None
    counts: dict[str, Count]
    """Found and expected number of images in each part, from `Dataset.counts`."""
    splits: dict[Split, SplitSummary]
    sizes: Sizes | None
    """``None`` if no image is readable."""
    values: tuple[BandRange, ...]
    """Values that images hold, by band; empty if no image is readable."""
    sound_masks: dict[Split, int]
    """Number of masks without a fault in each split that ``evaluate`` scores."""
    without_masks: str | None
    """Why there are no masks, ``None`` if there are."""
    findings: tuple[Finding, ...]
    unwritten: tuple[Finding, ...] = ()
    """Warnings that say something of sound masks: they are printed, and stand in no file."""

    def of(self, severity: Severity) -> list[Finding]:
        """The faults, or the warnings."""
        every = (*self.findings, *self.unwritten)
        return [finding for finding in every if finding.severity == severity]

    @property
    def run_would_succeed(self) -> bool:
        """Whether there is no fault. Without masks this excludes the stage ``evaluate``."""
        return not self.of("fault")

    def as_json(self) -> dict[str, Any]:
        """The report without what is `unwritten`, JSON-ready."""
        content = {"run_would_succeed": self.run_would_succeed} | asdict(self)
        del content["unwritten"]
        return content | {"counts": {part: c._asdict() for part, c in self.counts.items()}}

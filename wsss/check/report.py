"""What the inspection of a dataset found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from wsss.data.types import Count, Split

Severity = Literal["fault", "warning"]
Topic = Literal["count", "image", "left out", "mask", "duplicate", "class"]


@dataclass(frozen=True)
class Finding:
    """Something to mend or to know."""

    severity: Severity
    """Whether a run would fail (``fault``) or go through (``warning``)."""
    topic: Topic
    message: str
    """One line that names the culprit."""


@dataclass(frozen=True)
class SplitSummary:
    """Image labels of a split."""

    images: int
    labels_per_image: dict[int, int]
    """Number of images by their number of labels, rising."""
    class_images: dict[str, int]
    """Number of images that carry each class, in the order of classes."""


@dataclass(frozen=True)
class Sizes:
    """Heights and widths in pixels of the images, ordered by area."""

    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]
    distinct: int


@dataclass(frozen=True)
class Report:
    """A dataset and what is wrong with it."""

    dataset: str
    bands: tuple[str, ...]
    multi_label: bool
    background: str | None
    counts: dict[str, Count]
    """Images of each part, found and expected, as `Dataset.counts` gives them."""
    splits: dict[Split, SplitSummary]
    sizes: Sizes | None
    """``None`` where no image can be read."""
    sound_masks: dict[Split, int]
    """Number of masks without a fault, of each split that ``evaluate`` scores."""
    without_masks: str | None
    """Why there is nothing to evaluate with, ``None`` where there is."""
    findings: tuple[Finding, ...]

    def of(self, severity: Severity) -> list[Finding]:
        """The faults, or the warnings."""
        return [finding for finding in self.findings if finding.severity == severity]

    @property
    def run_would_succeed(self) -> bool:
        """Whether there is no fault. Without masks this means every stage but ``evaluate``."""
        return not self.of("fault")

    def as_json(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        content = {"run_would_succeed": self.run_would_succeed} | asdict(self)
        return content | {"counts": {part: c._asdict() for part, c in self.counts.items()}}

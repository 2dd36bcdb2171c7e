"""The config group ``loss``."""

from __future__ import annotations

from dataclasses import dataclass

from wsss.checks import check_least


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms beside the classification loss; 0 leaves a term out."""

    diversity: float
    """Weight of `wsss.training.losses.diversity`."""
    contrast: float
    """Weight of `wsss.training.losses.contrast`."""

    def __post_init__(self) -> None:
        check_least("loss.diversity", self.diversity, 0)
        check_least("loss.contrast", self.contrast, 0)

"""The config group ``scheduler``: learning-rate schedules."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsss.checks import check_share

if TYPE_CHECKING:  # settings are read where PyTorch is not needed
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LambdaLR


@dataclass(frozen=True)
class SchedulerConfig(ABC):
    """A factor on the learning rate over the course of training."""

    name: str
    """Name of the option."""

    @abstractmethod
    def factor(self, progress: float) -> float:
        """Factor at ``progress`` in [0, 1] of training."""


@dataclass(frozen=True)
class ConstantConfig(SchedulerConfig):
    """The learning rate does not change."""

    def factor(self, progress: float) -> float:
        """Always 1."""
        return 1.0


@dataclass(frozen=True)
class CosineConfig(SchedulerConfig):
    """Linear warm-up, then half a cosine down to ``final`` times the learning rate."""

    warmup: float
    """Share of training that the warm-up takes, in [0, 1)."""
    final: float
    """Factor at the end, in [0, 1]."""

    def __post_init__(self) -> None:
        check_share("scheduler.warmup", self.warmup, below_one=True)
        check_share("scheduler.final", self.final)

    def factor(self, progress: float) -> float:
        """Factor at ``progress`` in [0, 1] of training."""
        if progress < self.warmup:
            return progress / self.warmup
        cosine = 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))
        return self.final + (1 - self.final) * cosine


def build_scheduler(config: SchedulerConfig, optimizer: Optimizer, steps: int) -> LambdaLR:
    """A schedule over ``steps`` optimizer steps; the rate of the first step is above 0."""
    from torch.optim.lr_scheduler import LambdaLR

    return LambdaLR(optimizer, lambda step: config.factor(min((step + 1) / (steps + 1), 1.0)))

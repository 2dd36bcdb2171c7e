"""Learning-rate schedules, as factors on the optimizer's rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from wsss.checks import check_share


@dataclass(frozen=True)
class ConstantConfig:
    """The rate stays as it is."""

    name: str

    def factor(self, progress: float) -> float:
        """Factor at ``progress`` in [0, 1] of training: 1."""
        return 1.0


@dataclass(frozen=True)
class CosineConfig:
    """Linear warm-up, then half a cosine down to ``final`` times the rate.

    ``warmup`` in [0, 1) is the share of training that the warm-up takes.
    """

    name: str
    warmup: float
    final: float

    def __post_init__(self) -> None:
        check_share("scheduler.warmup", self.warmup, below_one=True)
        check_share("scheduler.final", self.final)

    def factor(self, progress: float) -> float:
        """Factor at ``progress`` in [0, 1] of training."""
        if progress < self.warmup:
            return progress / self.warmup
        cosine = 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))
        return self.final + (1 - self.final) * cosine


SchedulerConfig = ConstantConfig | CosineConfig


def build_scheduler(config: SchedulerConfig, optimizer: Optimizer, steps: int) -> LambdaLR:
    """A schedule over ``steps`` optimizer steps; the first step already has a rate above 0."""
    return LambdaLR(optimizer, lambda step: config.factor(min((step + 1) / (steps + 1), 1.0)))

"""Class-token masking: hide the tokens of classes that are not in the image.

"Know Your Attention Maps" (ICCV 2025), section on class-specific token masking: during training
the output embedding of the token of each absent class is zeroed with a probability, so that a
class can only be recognised through its own token, and that token's attention settles on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wsss.checks import check_share


@dataclass(frozen=True)
class NoMasking:
    """No token is ever hidden: the baseline."""

    name: str

    def rate(self, progress: float) -> float:
        """Probability at ``progress`` in [0, 1] of training: always 0."""
        return 0.0


@dataclass(frozen=True)
class RandomMasking:
    """One probability ``dp_rate`` in [0, 1] all through training, as published."""

    name: str
    dp_rate: float

    def __post_init__(self) -> None:
        check_share("masking.dp_rate", self.dp_rate)

    def rate(self, progress: float) -> float:
        """Probability at ``progress`` in [0, 1] of training: ``dp_rate``."""
        return self.dp_rate


@dataclass(frozen=True)
class ScheduledMasking:
    """The probability rises linearly from ``start_rate`` to ``dp_rate``, then stays.

    ``ramp`` in (0, 1] is the share of training that the rise takes.
    """

    name: str
    dp_rate: float
    start_rate: float
    ramp: float

    def __post_init__(self) -> None:
        check_share("masking.dp_rate", self.dp_rate)
        check_share("masking.start_rate", self.start_rate)
        if not 0 < self.ramp <= 1:
            raise ValueError(f"masking.ramp is {self.ramp}, it must lie in (0, 1]")

    def rate(self, progress: float) -> float:
        """Probability at ``progress`` in [0, 1] of training."""
        done = min(progress / self.ramp, 1.0)
        return self.start_rate + (self.dp_rate - self.start_rate) * done


Masking = NoMasking | RandomMasking | ScheduledMasking


def draw_token_keep(labels: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Draw which class tokens to keep.

    Args:
        labels: image labels ``[B, C]``, 0 or 1.
        rate: probability in [0, 1] that the token of an absent class is hidden.
        generator: source of the draw, on any device.

    Returns:
        ``[B, C]`` of 0 and 1 on the labels' device: 1 wherever the class is present, and 0 with
        probability ``rate`` elsewhere.
    """
    uniform = torch.rand(labels.shape, generator=generator, device=generator.device)
    hidden = (uniform.to(labels.device) < rate) & (labels == 0)
    return (~hidden).to(labels.dtype)

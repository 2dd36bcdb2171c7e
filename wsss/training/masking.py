"""Class-token masking: hide the tokens of classes that are not in the image.

"Know Your Attention Maps" (ICCV 2025), section on class-specific token masking: during training
the output embedding of the token of each absent class is zeroed with a probability, so that a
class can only be recognised through its own token, and that token's attention settles on it.

Where a hidden token is hidden (``place``):

- ``output``, as published: its output embedding is zeroed before the classifier.
- ``input``: it enters the first block as zeros, class token and position embedding alike.
- ``attention``: in no block is it a key for any token, and its output is zeroed, so that it
  neither gives nor takes.

How the probability is shared among classes (``balance``) is told in `class_rates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from wsss.checks import check_choice, check_share
from wsss.models.hidden import PLACES

BALANCES = ("none", "frequency")


@dataclass(frozen=True)
class NoMasking:
    """No token is ever hidden: the baseline."""

    name: str
    place: ClassVar[str] = "output"
    balance: ClassVar[str] = "none"

    def rate(self, progress: float) -> float:
        """Probability at ``progress`` in [0, 1] of training: always 0."""
        return 0.0


@dataclass(frozen=True)
class RandomMasking:
    """One probability ``dp_rate`` in [0, 1] all through training, as published."""

    name: str
    dp_rate: float
    place: str
    balance: str

    def __post_init__(self) -> None:
        check_share("masking.dp_rate", self.dp_rate)
        check_choice("masking.place", self.place, PLACES)
        check_choice("masking.balance", self.balance, BALANCES)

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
    place: str
    balance: str

    def __post_init__(self) -> None:
        check_share("masking.dp_rate", self.dp_rate)
        check_share("masking.start_rate", self.start_rate)
        if not 0 < self.ramp <= 1:
            raise ValueError(f"masking.ramp is {self.ramp}, it must lie in (0, 1]")
        check_choice("masking.place", self.place, PLACES)
        check_choice("masking.balance", self.balance, BALANCES)

    def rate(self, progress: float) -> float:
        """Probability at ``progress`` in [0, 1] of training."""
        done = min(progress / self.ramp, 1.0)
        return self.start_rate + (self.dp_rate - self.start_rate) * done


Masking = NoMasking | RandomMasking | ScheduledMasking


def absent_shares(labels: Tensor) -> Tensor:
    """Share of images without each class, ``[C]`` in [0, 1], from image labels ``[images, C]``."""
    return (labels == 0).float().mean(dim=0)


def class_rates(rate: float, absent: Tensor) -> Tensor:
    """Rates at which the tokens of all classes are hidden about equally often.

    The token of class c is hidden in a share ``absent_c * rate_c`` of the images, so that with one
    rate for all the tokens of rare classes are hidden most. Under ``balance=frequency`` the rate
    of class c is instead ``min(1, rate * mean(absent) / absent_c)``: every token is hidden in the
    share ``rate * mean(absent)`` of the images, or, where its class is absent from fewer, in all
    of those.

    Args:
        rate: the masking's rate in [0, 1].
        absent: share of training images without each class ``[C]``, see `absent_shares`.

    Returns:
        ``[C]`` in [0, 1]; what it holds for a class that is in every image never matters.
    """
    least = torch.finfo(absent.dtype).tiny  # never hidden anyway, and no division by 0
    return (rate * absent.mean() / absent.clamp(min=least)).clamp(max=1.0)


def draw_token_keep(
    labels: Tensor,
    rate: float | Tensor,
    generator: torch.Generator,
    rows: tuple[int, int] | None = None,
) -> Tensor:
    """Draw which class tokens to keep.

    Args:
        labels: image labels ``[B, C]``, 0 or 1.
        rate: probability in [0, 1] that the token of an absent class is hidden; one for all, or
            one per class ``[C]`` on the labels' device.
        generator: source of the draw, on any device. The draw takes the same numbers from it
            whatever the rate.
        rows: number of the first row and of all rows of the batch that ``labels`` are a part of,
            which then gets what the whole batch would; all by default.

    Returns:
        ``[B, C]`` of 0 and 1 on the labels' device: 1 wherever the class is present, and 0 with
        probability ``rate`` elsewhere.
    """
    first, batch = (0, len(labels)) if rows is None else rows
    uniform = torch.rand((batch, labels.shape[1]), generator=generator, device=generator.device)
    uniform = uniform[first : first + len(labels)]
    hidden = (uniform.to(labels.device) < rate) & (labels == 0)
    return (~hidden).to(labels.dtype)

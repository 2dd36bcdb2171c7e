"""Class-token masking: hide the tokens of classes that are not in the image.

"Know Your Attention Maps" (ICCV 2025), section on class-specific token masking: during training
the output embedding of the token of each absent class is zeroed with a probability, so that a
class can only be recognised through its own token, and that token's attention settles on it.

Places where a token can be hidden (``place``):

- ``output``, as published: its output embedding is zeroed before the classifier.
- ``input``: it enters the first block as zeros, class token and position embedding alike.
- ``attention``: no token attends to it in any block, and its output is zeroed, so that it
  has no effect at all.
- ``patches``: it does not compete for patches (``model.patch_head=compete`` or
  ``compete_background``), so that every patch must be explained by the classes that are left, which
  include all that are present.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsss.checks import check_choice, check_share
from wsss.models.hidden import PLACES, HiddenTokens

if TYPE_CHECKING:  # settings are read where PyTorch is not needed
    import torch
    from torch import Tensor

BALANCES = ("none", "frequency")


@dataclass(frozen=True)
class Masking(ABC):
    """Which class tokens are hidden in training."""

    name: str
    """Name of the option."""

    @abstractmethod
    def rate(self, progress: float) -> float:
        """Probability at ``progress`` in [0, 1] of training that a token is hidden."""

    @abstractmethod
    def hide(
        self,
        labels: Tensor,
        rate: float,
        *,
        absent: Tensor,
        generator: torch.Generator,
        rows: tuple[int, int],
    ) -> HiddenTokens | None:
        """Draw the class tokens to hide in a batch; ``None`` for no masking.

        Args:
            labels: image labels ``[B, C]``, 0 or 1.
            rate: from `rate`.
            absent: share of training images without each class ``[C]``, see `absent_shares`.
            generator: see `draw_token_keep`.
            rows: see `draw_token_keep`.
        """


@dataclass(frozen=True)
class NoMasking(Masking):
    """No token is hidden: the baseline."""

    def rate(self, progress: float) -> float:
        """Always 0."""
        return 0.0

    def hide(self, *_: Any, **__: Any) -> None:
        """Hide nothing; a token shared by all classes cannot be hidden for one of them."""


@dataclass(frozen=True)
class TokenMasking(Masking):
    """The tokens of absent classes are hidden at random."""

    dp_rate: float
    """Probability that the token of an absent class is hidden, in [0, 1]."""
    place: str
    """Where tokens are hidden: ``output``, ``input``, ``attention`` or ``patches``, see above."""
    balance: str
    """``none``: the same probability for all classes; ``frequency``: see `class_rates`."""

    def __post_init__(self) -> None:
        check_share("masking.dp_rate", self.dp_rate)
        check_choice("masking.place", self.place, PLACES)
        check_choice("masking.balance", self.balance, BALANCES)

    def hide(
        self,
        labels: Tensor,
        rate: float,
        *,
        absent: Tensor,
        generator: torch.Generator,
        rows: tuple[int, int],
    ) -> HiddenTokens:
        """Draw the class tokens to hide in a batch."""
        balanced = self.balance == "frequency"
        rates = class_rates(rate, absent.to(labels)) if balanced else rate
        return HiddenTokens(draw_token_keep(labels, rates, generator, rows), self.place)


@dataclass(frozen=True)
class RandomMasking(TokenMasking):
    """One probability throughout training, as published."""

    def rate(self, progress: float) -> float:
        """Always ``dp_rate``."""
        return self.dp_rate


@dataclass(frozen=True)
class ScheduledMasking(TokenMasking):
    """The probability rises linearly from ``start_rate`` to ``dp_rate``, then stays there."""

    start_rate: float
    """Probability at the start, in [0, 1]."""
    ramp: float
    """Share of training that the rise takes, in (0, 1]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share("masking.start_rate", self.start_rate)
        if not 0 < self.ramp <= 1:
            raise ValueError(f"masking.ramp is {self.ramp}, it must lie in (0, 1]")

    def rate(self, progress: float) -> float:
        """Probability at ``progress`` in [0, 1] of training."""
        done = min(progress / self.ramp, 1.0)
        return self.start_rate + (self.dp_rate - self.start_rate) * done


def absent_shares(labels: Tensor) -> Tensor:
    """Share of images without each class, ``[C]`` in [0, 1], from image labels ``[images, C]``."""
    return (labels == 0).float().mean(dim=0)


def class_rates(rate: float, absent: Tensor) -> Tensor:
    """Rates that hide the tokens of all classes about equally often.

    The token of class c is hidden in a share ``absent_c * rate_c`` of the images; with one rate
    for all classes, tokens of rare classes are hidden most. With ``balance=frequency`` the rate of
    class c is ``min(1, rate * mean(absent) / absent_c)`` instead: every token is hidden in the
    share ``rate * mean(absent)`` of the images or, if its class is absent from fewer, in all of
    those.

    Args:
        rate: the masking's rate in [0, 1].
        absent: share of training images without each class ``[C]``, see `absent_shares`.

    Returns:
        ``[C]`` in [0, 1]; the value for a class that is in every image has no effect.
    """
    import torch

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
        generator: source of random numbers, on any device; their count does not depend on the
            rate.
        rows: for a part of a batch, the index of its first row and the number of rows of the whole
            batch; the part gets the same draw as within the whole batch. By default ``labels`` are
            the whole batch.

    Returns:
        ``[B, C]`` of 0 and 1 on the labels' device: 1 wherever the class is present, and 0 with
        probability ``rate`` elsewhere.
    """
    import torch

    first, batch = (0, len(labels)) if rows is None else rows
    uniform = torch.rand((batch, labels.shape[1]), generator=generator, device=generator.device)
    uniform = uniform[first : first + len(labels)]
    hidden = (uniform.to(labels.device) < rate) & (labels == 0)
    return (~hidden).to(labels.dtype)

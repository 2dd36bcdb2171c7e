"""Which class tokens are hidden from the network, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsss.checks import check_choice

if TYPE_CHECKING:  # settings are read where PyTorch is not needed
    from torch import Tensor

PLACES = ("output", "input", "attention", "patches")


@dataclass(frozen=True)
class HiddenTokens:
    """Class tokens that are hidden in a batch; for training only.

    Raises:
        ValueError: an unknown place.
    """

    keep: Tensor
    """``[B, C]`` of 0 and 1, 0 for a class whose token is hidden."""
    place: str
    """Where they are hidden, see `wsss.training.masking`.

    ``output``: zeroed after the last block. ``input``: zeroed before the first block.
    ``attention``: no token attends to them, they are zeroed after the last block and have no maps.
    ``patches``: they do not compete for patches in the patch head.
    """

    def __post_init__(self) -> None:
        check_choice("place", self.place, PLACES)

    def at_input(self, tokens: Tensor) -> Tensor:
        """Tokens ``[B, T, D]``, class tokens first, as they enter the first block."""
        import torch

        if self.place != "input":
            return tokens
        classes = self.keep.shape[1]
        kept = tokens[:, :classes] * self.keep.unsqueeze(-1).to(tokens.dtype)
        return torch.cat([kept, tokens[:, classes:]], dim=1)

    def keys(self, num_tokens: int) -> Tensor | None:
        """``[B, T]`` boolean, False for tokens that no token may attend to; ``None`` for none."""
        import torch

        if self.place != "attention":
            return None
        others = self.keep.new_ones(len(self.keep), num_tokens - self.keep.shape[1])
        return torch.cat([self.keep, others], dim=1).bool()

    def at_output(self, class_tokens: Tensor) -> Tensor:
        """Class tokens ``[B, K, D]`` after the last block."""
        if self.place in ("input", "patches"):
            return class_tokens
        return class_tokens * self.keep.unsqueeze(-1).to(class_tokens.dtype)

    def competing(self) -> Tensor | None:
        """``[B, C]``, 0 for a class that does not compete for patches; ``None`` if all do."""
        return self.keep if self.place == "patches" else None

    def in_maps(self, maps: Tensor) -> Tensor:
        """Class attention ``[B, L, K, N]``."""
        if self.place != "attention":
            return maps
        return maps * self.keep[:, None, :, None].to(maps.dtype)

"""What a source of class maps is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from wsss.models.outputs import Scores
from wsss.models.patches import grid_of
from wsss.models.vit import ClassTokenViT


@dataclass(frozen=True)
class EncodedView:
    """One view of a batch and what the classifier computed from it."""

    model: ClassTokenViT
    """In evaluation mode."""
    images: Tensor | None
    """``[B, bands, H, W]``, standardised, so that 0 is the mean; ``None`` where the encoder has run
    before, see `wsss.maps.sources.needs.Needs`."""
    scores: Scores
    """Contain class attention ``[B, L, K, h, w]`` if the source reads it and it is summed."""
    block_inputs: Sequence[Tensor]
    """Tokens ``[B, T, D]`` that each block received; empty unless attention is recomputed."""
    layers: list[int]
    """Numbers of the blocks that are used, ascending."""
    method: str
    """How layers are combined: ``sum`` or ``rollout``."""
    head_weights: Sequence[Tensor] | None = None
    """See `ClassTokenViT.forward`."""
    layer_weights: Tensor | None = None
    """``[L]``, factors on the attention of each layer where it is summed; 1 if not given."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        assert self.images is not None
        height, width = self.images.shape[-2:]
        return grid_of((height, width), self.model.patch_size)


MapSource = Callable[[EncodedView], Tensor]
"""Makes maps ``[B, C, h, w]``, float32, at least 0."""

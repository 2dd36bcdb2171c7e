"""What a source of class maps needs, takes and returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
    before, see `MapSource.patches_alone`."""
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


class MapSource(NamedTuple):
    """A source of the registry."""

    maps: Callable[[EncodedView], Tensor]
    """Makes maps ``[B, C, h, w]``, float32, at least 0."""
    class_tokens: str | None = None
    """The value that ``model.class_tokens`` must have, if any."""
    patch_head: bool = False
    """Whether the model must have a patch head."""
    poolings: Sequence[str] = ()
    """The poolings of which the model's patch head must have one, if any."""
    labeller: bool = False
    """Whether the model must have a labeller (`self_labelling.rounds` above 0)."""
    class_attention: bool = False
    """Whether it reads the class attention of all layers, summed or rolled out."""
    block_inputs: bool = False
    """Whether it reads `EncodedView.block_inputs`."""

    @property
    def patches_alone(self) -> bool:
        """Whether the patch tokens of the last block are all that it reads."""
        return not (self.class_attention or self.block_inputs)

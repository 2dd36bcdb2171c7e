"""Rollout of images, forward pass included."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from torch import Tensor

from wsss.maps.rollout import roll_out
from wsss.models import ClassTokenViT
from wsss.models.trace import block_inputs


def class_rollout(
    model: ClassTokenViT,
    x: Tensor,
    layers: Collection[int],
    head_weights: Sequence[Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Class scores ``[B, C]`` of images and their rollout ``[B, K, h, w]``."""
    with block_inputs(model) as inputs:
        logits: Tensor = model(x)
    height = x.shape[-2] // model.patch_size[0]
    return logits, roll_out(model, inputs, height=height, layers=layers, head_weights=head_weights)

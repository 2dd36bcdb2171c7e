"""Attention from class tokens to patches."""

from __future__ import annotations

import torch
from torch import Tensor

from wsss.maps.rollout import roll_out
from wsss.maps.sources.source import EncodedView


def attention(view: EncodedView) -> Tensor:
    """Class attention ``[B, C, h, w]``, averaged over heads; its layers are summed or rolled out.

    The sum, as in "Know Your Attention Maps" (ICCV 2025), is at most the number of layers; see
    `roll_out` for the other method.
    """
    if view.method == "rollout":
        return roll_out(
            view.model,
            view.block_inputs,
            height=view.grid[0],
            layers=view.layers,
            head_weights=view.head_weights,
        )
    per_layer = view.scores.encoded.class_attention
    assert per_layer is not None
    if view.layer_weights is not None:
        return torch.einsum("blchw,l->bchw", per_layer, view.layer_weights)
    return per_layer[:, view.layers].sum(dim=1)

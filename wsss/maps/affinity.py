"""Class maps spread along the attention between patches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor

from wsss.maps.limits import MAX_ATTENTION_WEIGHTS
from wsss.models.block import Block
from wsss.models.vit import ClassTokenViT


@torch.no_grad()
def spread(model: ClassTokenViT, inputs: Sequence[Tensor], maps: Tensor) -> Tensor:
    """Patch-affinity refinement (MCTformer, Xu et al., CVPR 2022, section 3.4).

    Each patch takes the sum of all patches' values, weighted by its attention to them, averaged
    over heads and layers. At most `MAX_ATTENTION_WEIGHTS` of a layer's matrix exist at once.

    Args:
        model: classifier in evaluation mode.
        inputs: tokens ``[B, T, D]`` that each block received, see `wsss.models.trace`.
        maps: ``[B, C, h, w]``.

    Returns:
        ``[B, C, h, w]``, no higher than ``maps`` at its maximum.
    """
    first = model.num_class_tokens
    after = first + maps.shape[-2] * maps.shape[-1]
    values = rearrange(maps, "b c h w -> b (h w) c")
    total = torch.zeros_like(values)
    num_layers = 0
    for block, tokens in zip(model.blocks, inputs, strict=True):
        assert isinstance(block, Block)
        if block.attn.num_heads == 0:
            continue
        num_layers += 1
        pieces = block.attn.row_pieces(block.norm1(tokens), after, MAX_ATTENTION_WEIGHTS)
        summed = [rows[:, :, first:after] @ values for rows in pieces]
        total += torch.cat(summed, dim=1)[:, first:]  # rows of class tokens come first
    return rearrange(total / max(num_layers, 1), "b (h w) c -> b c h w", h=maps.shape[-2])

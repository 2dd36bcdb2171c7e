"""Class maps spread along the attention between patches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor

from wsss.models.block import Block
from wsss.models.vit import ClassTokenViT

PIECE = 1 << 22
"""Attention weights held at a time, over batch and heads: 16 MiB of them."""


@torch.no_grad()
def spread(model: ClassTokenViT, inputs: Sequence[Tensor], maps: Tensor) -> Tensor:
    """Patch-affinity refinement (MCTformer, Xu et al., CVPR 2022, section 3.4).

    Each patch takes the sum of all patches' values, weighted by its attention to them, which is
    averaged over heads and layers. Of each layer's matrix only `PIECE` elements exist at a time.

    Args:
        model: classifier in evaluation mode.
        inputs: of every block, see `wsss.models.trace`.
        maps: ``[B, C, h, w]``.

    Returns:
        ``[B, C, h, w]``, no higher than ``maps`` at its maximum.
    """
    classes, patches = model.num_tokens, maps.shape[-2] * maps.shape[-1]
    values = rearrange(maps, "b c h w -> b (h w) c")
    total = torch.zeros_like(values)
    layers = 0
    for block, tokens in zip(model.blocks, inputs, strict=True):
        assert isinstance(block, Block)
        if block.attn.num_heads == 0:
            continue
        layers += 1
        rows = block.attn.row_pieces(block.norm1(tokens), classes + patches, PIECE)
        taken = [some[:, :, classes : classes + patches] @ values for some in rows]
        total += torch.cat(taken, dim=1)[:, classes:]  # rows of class tokens come first
    return rearrange(total / max(layers, 1), "b (h w) c -> b c h w", h=maps.shape[-2])

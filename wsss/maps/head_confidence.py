"""How sharply each attention head of a classifier looks."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from wsss.models.block import Block
from wsss.models.patches import grid_of
from wsss.models.trace import block_inputs
from wsss.models.vit import ClassTokenViT

PIECE = 1 << 22
"""Attention weights held at a time, over images and heads: 16 MiB of them."""


@torch.no_grad()
def head_confidence(model: ClassTokenViT, batches: Iterable[Tensor]) -> list[list[float]]:
    """Confidence of every head: the highest weight that a class token gives to one patch.

    After Voita et al., "Analyzing Multi-Head Self-Attention" (ACL 2019), section 4, where a head
    is confident if it usually gives most of its attention to a single token. There the mean is
    over the rows of all tokens; here it is over those of the class tokens, and the maximum over
    patches, because maps are made of these weights alone. Rows are softmaxed over all tokens.

    Args:
        model: classifier in evaluation mode; gates that it has are applied, hard.
        batches: images ``[B, bands, H, W]`` each, standardised, on the model's device; the mean is
            over all of them. Patches of padding count like others.

    Returns:
        ``[layers][heads]``, each in (0, 1].

    Raises:
        ValueError: no images.
    """
    sums = [torch.zeros(heads, dtype=torch.float64) for heads in model.num_heads]
    count = 0
    for images in batches:
        with block_inputs(model) as inputs:
            model(images)
        height, width = grid_of((images.shape[-2], images.shape[-1]), model.patch_size)
        patches = slice(model.num_tokens, model.num_tokens + height * width)
        for block, tokens, total in zip(model.blocks, inputs, sums, strict=True):
            assert isinstance(block, Block)
            weights = model.num_tokens * block.attn.num_heads * tokens.shape[1]
            for some in block.norm1(tokens).split(max(1, PIECE // max(1, weights))):
                rows = block.attn.head_rows(some, model.num_tokens)[..., patches]
                total += rows.amax(dim=-1).cpu().double().mean(dim=-1).sum(dim=0)
        count += len(images)
    if count == 0:
        raise ValueError("confidence of heads: no images")
    return [(total / count).tolist() for total in sums]

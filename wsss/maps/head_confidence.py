"""How concentrated the attention of each head is."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from wsss.maps.limits import MAX_ATTENTION_WEIGHTS
from wsss.models.block import Block
from wsss.models.patches import grid_of
from wsss.models.trace import block_inputs
from wsss.models.vit import ClassTokenViT


@torch.no_grad()
def head_confidence(model: ClassTokenViT, batches: Iterable[Tensor]) -> list[list[float]]:
    """Confidence of every head: the highest weight that a class token gives to one patch, averaged.

    After Voita et al., "Analyzing Multi-Head Self-Attention" (ACL 2019), section 4, where a head
    is confident if it usually gives most of its attention to a single token. They average over the
    rows of all tokens. Here the rows are those of class tokens and the maximum is over patches,
    because only these weights become maps. Rows are softmaxed over all tokens.

    Args:
        model: classifier in evaluation mode; its gates, if any, are applied, hard.
        batches: images ``[B, bands, H, W]``, standardised, on the model's device; the mean is over
            all of them. Patches of padding count like others.

    Returns:
        ``[L][heads]``, each in (0, 1].

    Raises:
        ValueError: no images.
    """
    if not model.num_heads:
        return []
    sums = [torch.zeros(heads, dtype=torch.float64) for heads in model.num_heads]
    num_images = 0
    for images in batches:
        with block_inputs(model) as inputs:
            model(images)
        height, width = grid_of((images.shape[-2], images.shape[-1]), model.patch_size)
        patches = slice(model.num_class_tokens, model.num_class_tokens + height * width)
        for block, tokens, total in zip(model.blocks, inputs, sums, strict=True):
            assert isinstance(block, Block)
            per_image = max(1, model.num_class_tokens * block.attn.num_heads * tokens.shape[1])
            at_once = max(1, MAX_ATTENTION_WEIGHTS // per_image)
            for part in block.norm1(tokens).split(at_once):
                rows = block.attn.head_rows(part, model.num_class_tokens)[..., patches]
                total += rows.amax(dim=-1).cpu().double().mean(dim=-1).sum(dim=0)
        num_images += len(images)
    if num_images == 0:
        raise ValueError("confidence of heads: no images")
    return [(total / num_images).tolist() for total in sums]

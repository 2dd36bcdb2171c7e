"""Attention rollout: how much of each patch reaches a class token through all layers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from einops import rearrange
from torch import Tensor

from wsss.maps.limits import MAX_ATTENTION_WEIGHTS
from wsss.models.block import Block
from wsss.models.vit import ClassTokenViT


@torch.no_grad()
def roll_out(
    model: ClassTokenViT,
    inputs: Sequence[Tensor],
    *,
    height: int,
    layers: Collection[int],
    head_weights: Sequence[Tensor] | None = None,
) -> Tensor:
    """Attention rollout of the class tokens.

    Abnar & Zuidema, "Quantifying Attention Flow in Transformers" (ACL 2020): the attention of a
    layer, averaged over heads, plus the identity for the residual connection, its rows normalised
    to sum to 1; then the product over layers, the last layer leftmost. Only the class tokens' rows
    of the product are needed, so rows ``[B, K, T]`` are multiplied from the left, from the last
    layer to the first. At most `MAX_ATTENTION_WEIGHTS` of a layer's ``T x T`` matrix exist at once;
    the inputs of all blocks take O(L x T x D).

    Args:
        model: classifier in evaluation mode.
        inputs: tokens ``[B, T, D]`` that each block received, see `wsss.models.trace`.
        height: rows of patches.
        layers: numbers of the blocks that are used; others count as the identity.
        head_weights: as in `ClassTokenViT.forward`.

    Returns:
        ``[B, K, h, w]`` in [0, 1]; a class token's map, plus its weights of tokens that are not
        patches, sums to 1.
    """
    first = model.num_class_tokens
    batch, num_tokens, _ = inputs[0].shape
    product = torch.eye(first, num_tokens, device=inputs[0].device).expand(batch, -1, -1)
    nonzero = first  # columns of the product that are not 0
    for layer in sorted(layers, reverse=True):
        block = model.blocks[layer]
        assert isinstance(block, Block)
        if block.attn.num_heads == 0:
            continue
        weights = None if head_weights is None else head_weights[layer]
        attended = torch.zeros_like(product)
        start = 0
        pieces = block.attn.row_pieces(
            block.norm1(inputs[layer]), nonzero, MAX_ATTENTION_WEIGHTS, weights
        )
        for rows in pieces:
            attended += product[:, :, start : start + rows.shape[1]] @ rows
            start += rows.shape[1]
        product, nonzero = (product + attended) / 2, num_tokens
    after = num_tokens - (model.register_token is not None)
    return rearrange(product[:, :, first:after], "b c (h w) -> b c h w", h=height)

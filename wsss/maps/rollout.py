"""Attention rollout: how much of each patch reaches a class token through all layers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from einops import rearrange
from torch import Tensor

from wsss.models.block import Block
from wsss.models.patches import grid_of
from wsss.models.trace import block_inputs
from wsss.models.vit import ClassTokenViT

PIECE = 1 << 22
"""Attention weights held at a time, over batch and heads: 16 MiB of them."""


@torch.no_grad()
def class_rollout(
    model: ClassTokenViT,
    images: Tensor,
    layers: Collection[int],
    head_weights: Sequence[Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Class scores ``[B, C]`` of images ``[B, bands, H, W]``, and their `roll_out`."""
    with block_inputs(model) as inputs:
        logits: Tensor = model(images)
    height, _ = grid_of((images.shape[-2], images.shape[-1]), model.patch_size)
    return logits, roll_out(model, inputs, height, layers, head_weights)


@torch.no_grad()
def roll_out(
    model: ClassTokenViT,
    inputs: Sequence[Tensor],
    height: int,
    layers: Collection[int],
    head_weights: Sequence[Tensor] | None = None,
) -> Tensor:
    """Attention rollout of the class tokens.

    Abnar & Zuidema, "Quantifying Attention Flow in Transformers" (ACL 2020): the attention of a
    layer, averaged over heads, plus the identity for the residual path, rows brought to sum 1;
    then the product over layers, the last one leftmost. Only the class tokens' rows of the product
    are wanted, so it is taken from the left: rows ``[B, C, T]`` go backwards through the layers,
    and of each layer's ``T x T`` matrix only `PIECE` elements exist at a time. What is kept is the
    input of every block, O(layers x T x D).

    Args:
        model: classifier in evaluation mode.
        inputs: of every block, see `wsss.models.trace`.
        height: rows of patches.
        layers: numbers of the blocks that take part; the others count as the identity.
        head_weights: as in `ClassTokenViT.forward`.

    Returns:
        maps ``[B, T, h, w]`` in [0, 1]; a class token's map and the weights of the tokens that
        are no patches sum to 1.
    """
    classes = model.num_tokens
    batch, tokens, _ = inputs[0].shape
    carried = torch.eye(classes, tokens, device=inputs[0].device).expand(batch, -1, -1)
    reached = classes  # the tokens that carry weight so far come first
    for layer in sorted(layers, reverse=True):
        block = model.blocks[layer]
        assert isinstance(block, Block)
        if block.attn.num_heads == 0:
            continue
        weights = None if head_weights is None else head_weights[layer]
        passed = torch.zeros_like(carried)
        start = 0
        pieces = block.attn.row_pieces(block.norm1(inputs[layer]), reached, PIECE, weights)
        for rows in pieces:
            passed += carried[:, :, start : start + rows.shape[1]] @ rows
            start += rows.shape[1]
        carried, reached = (carried + passed) / 2, tokens
    after = tokens - (model.register_token is not None)
    return rearrange(carried[:, :, classes:after], "b c (h w) -> b c h w", h=height)

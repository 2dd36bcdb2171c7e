"""From class attention of every layer to one map per class."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.data.fit import pad
from wsss.maps.affinity import spread
from wsss.maps.clusters import cluster_maps
from wsss.maps.config import AttentionConfig, layer_numbers
from wsss.maps.rollout import roll_out
from wsss.models.trace import block_inputs
from wsss.models.vit import ClassTokenViT


@torch.no_grad()
def class_maps(
    model: ClassTokenViT,
    images: Tensor,
    config: AttentionConfig,
    *,
    square: bool = False,
    head_weights: Sequence[Tensor] | None = None,
    layer_weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Class scores and class-attention maps of a batch.

    Class-to-patch attention is averaged over heads and summed over the chosen layers, as in
    "Know Your Attention Maps" (ICCV 2025), or rolled out. The maps of all views are brought to the
    grid of the largest scale and averaged, the scores are averaged as they are.

    Args:
        model: classifier in evaluation mode.
        images: ``[B, bands, H, W]``, standardised.
        config: layers, method and views.
        square: pad every view with 0 to a square, as in training with ``fit=pad``, so that
            position embeddings mean the same; the maps are those of the image alone.
        head_weights: as in `ClassTokenViT.forward`.
        layer_weights: ``[layers]``, factors on the attention of layers where they are summed; 1 if
            not given.

    Returns:
        logits ``[B, C]`` and maps ``[B, C, h, w]``, float32 from 0 up; those of attention are at
        most the number of layers, or 1 where rolled out.
    """
    sizes = [_fit(images.shape[-2:], scale, model.patch_size) for scale in config.scales]
    largest = max(sizes)
    grid = (largest[0] // model.patch_size[0], largest[1] // model.patch_size[1])
    logits, maps = [], []
    for size in sizes:
        view = images
        if size != tuple(images.shape[-2:]):
            view = F.interpolate(images, size=size, mode="bilinear", align_corners=False)
        for mirrored in (False, True) if config.flip else (False,):
            shown = view.flip(-1) if mirrored else view
            shown = pad(shown, max(size)) if square else shown
            scores, joined = view_maps(model, shown, config, head_weights, layer_weights)
            joined = joined[..., : size[0] // model.patch_size[0], : size[1] // model.patch_size[1]]
            joined = joined.flip(-1) if mirrored else joined
            if tuple(joined.shape[-2:]) != grid:
                joined = F.interpolate(joined, size=grid, mode="bilinear", align_corners=False)
            logits.append(scores.float())
            maps.append(joined)
    return torch.stack(logits).mean(dim=0), torch.stack(maps).mean(dim=0)


@torch.no_grad()
def view_maps(
    model: ClassTokenViT,
    images: Tensor,
    config: AttentionConfig,
    head_weights: Sequence[Tensor] | None = None,
    layer_weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Logits ``[B, C]`` and maps ``[B, C, h, w]`` of one view, see `class_maps`."""
    layers = layer_numbers(config.layers, len(model.blocks))
    rolled = config.method == "rollout" and config.source in ("attention", "fused")
    again = rolled or config.affinity or config.source == "clusters"
    # Kept only where attention is taken a second time: together they are the largest of all.
    traced: AbstractContextManager[list[Tensor]] = block_inputs(model) if again else nullcontext([])
    with traced as inputs:
        scores = model.score(
            images,
            return_attention=config.source in ("attention", "fused") and not rolled,
            head_weights=head_weights,
        )
    height = images.shape[-2] // model.patch_size[0]
    if config.source == "clusters":
        maps = cluster_maps(model, images, inputs, scores.logits, layers)
    else:
        parts = []
        if config.source != "attention":
            assert scores.patch_scores is not None
            parts.append(scores.patch_scores.float().relu())
        if config.source != "patch_cam":
            attention = scores.encoded.class_attention
            if attention is None:
                parts.append(roll_out(model, inputs, height, layers, head_weights))
            elif layer_weights is not None:
                parts.append(torch.einsum("blchw,l->bchw", attention, layer_weights))
            else:
                parts.append(attention[:, layers].sum(dim=1))
        maps = parts[0] if len(parts) == 1 else (parts[0] * parts[1]).sqrt()
    return scores.logits, spread(model, inputs, maps) if config.affinity else maps


def _fit(size: torch.Size, scale: float, patch: tuple[int, int]) -> tuple[int, int]:
    """The multiple of the patch size that is nearest to the scaled image size."""
    height, width = (
        max(1, round(side * scale / p)) * p for side, p in zip(size, patch, strict=True)
    )
    return height, width

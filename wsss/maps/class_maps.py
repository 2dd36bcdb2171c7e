"""Class maps of a batch of images, over all views."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.data.fit import pad
from wsss.maps.affinity import spread
from wsss.maps.config import AttentionConfig, layer_numbers
from wsss.maps.sources.needs import NEEDS
from wsss.maps.sources.registry import SOURCES
from wsss.maps.sources.source import EncodedView
from wsss.models.patches import grid_of, whole_patches
from wsss.models.token_classifier import TokenClassifier
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
    """Class scores and class maps of a batch, averaged over views.

    Views are the scales of the config and, with ``flip``, their mirror images. Their maps are
    resized to the grid of the largest scale.

    Args:
        model: classifier in evaluation mode.
        images: ``[B, bands, H, W]``, standardised.
        config: source, layers, method and views.
        square: pad every view with 0 to a square, as in training with ``fit=pad``, so that
            position embeddings mean the same; maps are cropped to the image.
        head_weights: as in `ClassTokenViT.forward`.
        layer_weights: ``[L]``, factors on the attention of layers where they are summed; 1 if not
            given.

    Returns:
        logits ``[B, C]`` and maps ``[B, C, h, w]``, float32, at least 0; maps of attention are
        at most the number of layers, or 1 if rolled out.
    """
    patch = model.patch_size
    height, width = images.shape[-2:]
    sizes = [whole_patches((height, width), patch, scale) for scale in config.scales]
    grid = grid_of(max(sizes), patch)
    all_logits, all_maps = [], []
    for size in sizes:
        scaled = images
        if size != tuple(images.shape[-2:]):
            scaled = F.interpolate(images, size=size, mode="bilinear", align_corners=False)
        for mirrored in (False, True) if config.flip else (False,):
            view = scaled.flip(-1) if mirrored else scaled
            view = pad(view, max(size)) if square else view
            logits, maps = view_maps(
                model, view, config, head_weights=head_weights, layer_weights=layer_weights
            )
            rows, columns = grid_of(size, patch)
            maps = maps[..., :rows, :columns]
            maps = maps.flip(-1) if mirrored else maps
            if tuple(maps.shape[-2:]) != grid:
                maps = F.interpolate(maps, size=grid, mode="bilinear", align_corners=False)
            all_logits.append(logits.float())
            all_maps.append(maps)
    return torch.stack(all_logits).mean(dim=0), torch.stack(all_maps).mean(dim=0)


@torch.no_grad()
def view_maps(
    model: ClassTokenViT,
    images: Tensor,
    config: AttentionConfig,
    *,
    head_weights: Sequence[Tensor] | None = None,
    layer_weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Logits ``[B, C]`` and maps ``[B, C, h, w]`` of one view, see `class_maps`."""
    needs = NEEDS[config.source]
    rolled_out = needs.class_attention and config.method == "rollout"
    recomputed = rolled_out or needs.block_inputs or config.affinity
    # Block inputs take the most memory of all: kept only where attention is recomputed from them.
    trace: AbstractContextManager[list[Tensor]]
    trace = block_inputs(model) if recomputed else nullcontext([])
    with trace as inputs:
        scores = model.score(
            images,
            return_attention=needs.class_attention and not rolled_out,
            head_weights=head_weights,
        )
    view = EncodedView(
        model,
        images,
        scores,
        inputs,
        layers=layer_numbers(config.layers, len(model.blocks)),
        method=config.method,
        head_weights=head_weights,
        layer_weights=layer_weights,
    )
    maps = SOURCES[config.source](view)
    return scores.logits, spread(model, inputs, maps) if config.affinity else maps


@torch.no_grad()
def token_maps(
    model: ClassTokenViT, patches: Tensor, config: AttentionConfig
) -> tuple[Tensor, Tensor]:
    """Logits ``[B, C]`` and maps ``[B, C, h, w]`` of patch tokens ``[B, D, h, w]``.

    For a source of `patches_alone`, and a model whose only head is the patch head.
    """
    assert model.patch_head is not None
    scores = TokenClassifier(model.patch_head).score(patches)
    view = EncodedView(model, None, scores, [], layers=[], method=config.method)
    return scores.logits, SOURCES[config.source](view)

"""From class attention of every layer to one map per class."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.affinity import spread
from wsss.checks import check_choice, check_least
from wsss.data.fit import pad
from wsss.errors import UserError
from wsss.head_clusters import cluster_maps
from wsss.models.build import ModelConfig
from wsss.models.trace import block_inputs
from wsss.models.vit import ClassTokenViT
from wsss.rollout import roll_out

SOURCES = ("attention", "patch_cam", "fused", "clusters")
HEADS = ("open", "all", "weighted")
METHODS = ("sum", "rollout")


@dataclass(frozen=True)
class AttentionConfig:
    """How maps are taken from a classifier.

    ``source`` is what they are: ``attention`` of class tokens to patches; ``patch_cam``, the class
    scores of its patch head, cut at 0; ``fused``, the root of the product of both (MCTformer, Xu
    et al., CVPR 2022); or ``clusters``, for a shared class token (`wsss.head_clusters`). With
    ``affinity`` they are then spread along the attention between patches (`wsss.affinity`).

    ``heads`` says whose attention is averaged: ``open`` the heads that pruning left, ``all`` those
    of the classifier as it was trained, ``weighted`` what pruning left, each head by its soft gate.
    ``layers`` is ``all``, ``last_<k>`` for the last k blocks, a list of block numbers from 0, or
    ``learnt``: all, each with the weight that image labels give it (`wsss.layer_weights`).
    ``method`` joins them: ``sum`` as published, or ``rollout`` (`wsss.rollout`).

    Maps are taken at the image's own size, with the longer side at most ``max_side`` pixels, or,
    where that is ``None``, at the size that the classifier was trained on. ``scales`` are factors
    on it; ``flip`` adds the mirrored image. All views are averaged.
    """

    source: str
    affinity: bool
    heads: str
    layers: Any
    method: str
    max_side: int | None
    scales: list[float]
    flip: bool
    batch_size: int

    def __post_init__(self) -> None:
        check_choice("attention.source", self.source, SOURCES)
        check_choice("attention.heads", self.heads, HEADS)
        check_choice("attention.method", self.method, METHODS)
        check_least("attention.max_side", self.max_side, 1)
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"attention.scales is {self.scales}, it must hold numbers above 0")
        check_least("attention.batch_size", self.batch_size, 1)


def layer_numbers(layers: object, depth: int) -> list[int]:
    """Numbers of the blocks that ``layers`` names, rising, see `AttentionConfig`.

    Raises:
        UserError: anything else, a block that is not there, or one that stands twice.
    """
    if layers in ("all", "learnt"):
        return list(range(depth))
    if isinstance(layers, str):
        kind, _, count = layers.partition("_")
        if kind == "last" and count.isdecimal() and 1 <= int(count) <= depth:
            return list(range(depth - int(count), depth))
    elif (
        isinstance(layers, list)
        and layers
        and all(type(number) is int and 0 <= number < depth for number in layers)
        and len(set(layers)) == len(layers)
    ):
        return sorted(layers)
    raise UserError(
        f"attention.layers is '{layers}'; valid: all, learnt, last_1 .. last_{depth}, "
        f"or a list of different numbers from 0 to {depth - 1}"
    )


def check_maps(config: AttentionConfig, model: ModelConfig) -> None:
    """`UserError` where a model does not have what maps are to be taken from."""
    source = config.source
    layer_numbers(config.layers, model.depth)
    if config.layers == "learnt":
        if model.patch_head == "none" or source not in ("attention", "fused"):
            raise UserError(
                "attention.layers=learnt weighs class attention by what it finds in patch scores; "
                "it needs model.patch_head=average or ranked, attention.source=attention or fused"
            )
        if config.method == "rollout":
            raise UserError("attention.layers=learnt needs attention.method=sum")
    if source in ("patch_cam", "fused") and model.patch_head == "none":
        raise UserError(f"attention.source={source} needs model.patch_head=average or ranked")
    if source in ("attention", "fused") and model.class_tokens == "shared":
        raise UserError(f"attention.source={source} needs model.class_tokens=per_class")
    if source == "clusters" and model.class_tokens != "shared":
        raise UserError("attention.source=clusters needs model.class_tokens=shared")


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

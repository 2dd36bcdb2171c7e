"""From class attention of every layer to one map per class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.checks import check_choice, check_least
from wsss.data.fit import pad
from wsss.errors import UserError
from wsss.models.vit import ClassTokenViT
from wsss.rollout import class_rollout

HEADS = ("open", "all", "weighted")
METHODS = ("sum", "rollout")


@dataclass(frozen=True)
class AttentionConfig:
    """How maps are taken from a classifier.

    ``heads`` says whose attention is averaged: ``open`` the heads that pruning left, ``all`` those
    of the classifier as it was trained, ``weighted`` what pruning left, each head by its soft gate.
    ``layers`` is ``all``, ``last_<k>`` for the last k blocks, or a list of block numbers from 0.
    ``method`` joins them: ``sum`` as published, or ``rollout`` (`wsss.rollout`).

    Maps are taken at the image's own size, with the longer side at most ``max_side`` pixels, or,
    where that is ``None``, at the size that the classifier was trained on. ``scales`` are factors
    on it; ``flip`` adds the mirrored image. All views are averaged.
    """

    heads: str
    layers: Any
    method: str
    max_side: int | None
    scales: list[float]
    flip: bool
    batch_size: int

    def __post_init__(self) -> None:
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
    if layers == "all":
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
        f"attention.layers is '{layers}'; valid: all, last_1 .. last_{depth}, "
        f"or a list of different numbers from 0 to {depth - 1}"
    )


@torch.no_grad()
def class_maps(
    model: ClassTokenViT,
    images: Tensor,
    config: AttentionConfig,
    *,
    square: bool = False,
    head_weights: Sequence[Tensor] | None = None,
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

    Returns:
        logits ``[B, C]`` and maps ``[B, C, h, w]``, float32, values in [0, layers], or in [0, 1]
        where rolled out.
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
            scores, joined = _join_layers(model, shown, config, head_weights)
            joined = joined[..., : size[0] // model.patch_size[0], : size[1] // model.patch_size[1]]
            joined = joined.flip(-1) if mirrored else joined
            if tuple(joined.shape[-2:]) != grid:
                joined = F.interpolate(joined, size=grid, mode="bilinear", align_corners=False)
            logits.append(scores.float())
            maps.append(joined)
    return torch.stack(logits).mean(dim=0), torch.stack(maps).mean(dim=0)


def _join_layers(
    model: ClassTokenViT,
    images: Tensor,
    config: AttentionConfig,
    head_weights: Sequence[Tensor] | None,
) -> tuple[Tensor, Tensor]:
    """Logits and maps of one view, the chosen layers joined."""
    chosen = layer_numbers(config.layers, len(model.blocks))
    if config.method == "rollout":
        return class_rollout(model, images, chosen, head_weights)
    out = model(images, return_attention=True, head_weights=head_weights)
    return out.logits, out.class_attention[:, chosen].sum(dim=1)


def _fit(size: torch.Size, scale: float, patch: tuple[int, int]) -> tuple[int, int]:
    """The multiple of the patch size that is nearest to the scaled image size."""
    height, width = (
        max(1, round(side * scale / p)) * p for side, p in zip(size, patch, strict=True)
    )
    return height, width

"""From class attention of every layer to one map per class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.checks import check_least
from wsss.data.fit import pad
from wsss.errors import UserError
from wsss.models.vit import ClassTokenViT


@dataclass(frozen=True)
class AttentionConfig:
    """How maps are taken from a classifier.

    ``layers`` is ``all``, or ``last_<k>`` for the last k blocks. Maps are taken at the image's own
    size, with the longer side at most ``max_side`` pixels, or, where that is ``None``, at the size
    that the classifier was trained on. ``scales`` are factors on it; ``flip`` adds the mirrored
    image. All views are averaged.
    """

    layers: str
    max_side: int | None
    scales: list[float]
    flip: bool
    batch_size: int

    def __post_init__(self) -> None:
        check_least("attention.max_side", self.max_side, 1)
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"attention.scales is {self.scales}, it must hold numbers above 0")
        check_least("attention.batch_size", self.batch_size, 1)


def layer_slice(layers: str, depth: int) -> slice:
    """The blocks that ``layers`` names, see `AttentionConfig`; `UserError` for anything else."""
    if layers == "all":
        return slice(0, depth)
    kind, _, count = layers.partition("_")
    if kind == "last" and count.isdecimal() and 1 <= int(count) <= depth:
        return slice(depth - int(count), depth)
    raise UserError(f"attention.layers is '{layers}'; valid: all, last_1 .. last_{depth}")


@torch.no_grad()
def class_maps(
    model: ClassTokenViT, images: Tensor, config: AttentionConfig, *, square: bool = False
) -> tuple[Tensor, Tensor]:
    """Class scores and class-attention maps of a batch.

    Class-to-patch attention is averaged over heads and summed over the chosen layers, as in
    "Know Your Attention Maps" (ICCV 2025). The maps of all views are brought to the grid of the
    largest scale and averaged, the scores are averaged as they are.

    Args:
        model: classifier in evaluation mode.
        images: ``[B, bands, H, W]``, standardised.
        config: layers and views.
        square: pad every view with 0 to a square, as in training with ``fit=pad``, so that
            position embeddings mean the same; the maps are those of the image alone.

    Returns:
        logits ``[B, C]`` and maps ``[B, C, h, w]``, float32, values in [0, layers].
    """
    chosen = layer_slice(config.layers, len(model.blocks))
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
            out = model(pad(shown, max(size)) if square else shown, return_attention=True)
            summed = out.class_attention[:, chosen].sum(dim=1)
            summed = summed[..., : size[0] // model.patch_size[0], : size[1] // model.patch_size[1]]
            summed = summed.flip(-1) if mirrored else summed
            if tuple(summed.shape[-2:]) != grid:
                summed = F.interpolate(summed, size=grid, mode="bilinear", align_corners=False)
            logits.append(out.logits.float())
            maps.append(summed)
    return torch.stack(logits).mean(dim=0), torch.stack(maps).mean(dim=0)


def _fit(size: torch.Size, scale: float, patch: tuple[int, int]) -> tuple[int, int]:
    """The multiple of the patch size that is nearest to the scaled image size."""
    height, width = (
        max(1, round(side * scale / p)) * p for side, p in zip(size, patch, strict=True)
    )
    return height, width

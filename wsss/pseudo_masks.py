"""Rules that turn class-attention maps into one label per pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from wsss.checks import check_choice, check_share
from wsss.data.base import Mask

RULES = ("paper", "argmax")
UNPAINTED = -1
Maps = NDArray[np.float32]


@dataclass(frozen=True)
class PseudoMaskConfig:
    """How pseudo-masks are made.

    ``name`` is the rule, ``paper`` or ``argmax``. ``image_labels`` says which classes may appear:
    those the image is labelled with (``given``) or those whose probability reaches
    ``presence_threshold`` (``predicted``, the likeliest class where none does). ``export`` also
    writes all masks as one array, for images of one size.
    """

    name: str
    image_labels: str
    presence_threshold: float
    export: bool

    def __post_init__(self) -> None:
        check_choice("pseudo_mask.name", self.name, RULES)
        check_choice("pseudo_mask.image_labels", self.image_labels, ("given", "predicted"))
        check_share("pseudo_mask.presence_threshold", self.presence_threshold)


def pseudo_mask(
    maps: Maps, probabilities: Maps, present: NDArray[np.bool_], rule: str, size: tuple[int, int]
) -> Mask:
    """One pseudo-mask by the named rule.

    Args:
        maps: class attention ``[C, h, w]``, at least 0.
        probabilities: ``[C]``, in [0, 1].
        present: ``[C]``, classes that may appear; at least one.
        rule: ``paper`` or ``argmax``.
        size: height and width of the mask; maps are upsampled bilinearly.

    Returns:
        class indices ``[H, W]``, a class that is present at every pixel.

    Raises:
        ValueError: no class is present, or an unknown rule.
    """
    if not present.any():
        raise ValueError("no class is present")
    chosen = np.flatnonzero(present)
    upsampled = upsample(maps[chosen], size)
    if rule == "paper":
        every = np.ones(len(chosen), bool)
        painted = fill_nearest(paint_above_mean(upsampled, probabilities[chosen], every))
    elif rule == "argmax":
        painted = min_max(upsampled).argmax(axis=0)
    else:
        raise ValueError(f"unknown mask rule '{rule}'")
    return chosen.astype(np.uint8)[painted]


def present_classes(
    probabilities: Maps, labels: Maps, image_labels: str, threshold: float
) -> NDArray[np.bool_]:
    """Classes that may appear in an image, ``[C]``; see `PseudoMaskConfig`."""
    if image_labels == "given":
        return labels > 0
    present = probabilities >= threshold
    present[probabilities.argmax()] = True
    return present


def paint_above_mean(
    maps: Maps, probabilities: Maps, present: NDArray[np.bool_]
) -> NDArray[np.int16]:
    """The published rule before filling ("Know Your Attention Maps", ICCV 2025).

    Present classes are painted in order of rising probability wherever their map reaches its own
    mean, so that the likeliest class lies on top.

    Args:
        maps: ``[C, H, W]``.
        probabilities: ``[C]``.
        present: ``[C]``.

    Returns:
        class indices ``[H, W]``, `UNPAINTED` where no class was painted.
    """
    painted = np.full(maps.shape[1:], UNPAINTED, np.int16)
    for index in np.argsort(probabilities, kind="stable"):
        if present[index]:
            painted[maps[index] >= maps[index].mean()] = index
    return painted


def fill_nearest(painted: NDArray[np.int16]) -> NDArray[np.int16]:
    """Give each unpainted pixel the label of the nearest painted one (Euclidean distance).

    `UNPAINTED` stays only where nothing at all is painted.
    """
    holes = painted == UNPAINTED
    if not holes.any() or holes.all():
        return painted
    nearest = distance_transform_edt(holes, return_distances=False, return_indices=True)
    filled: NDArray[np.int16] = painted[tuple(nearest)]
    return filled


def min_max(maps: Maps) -> Maps:
    """Stretch each map ``[C, H, W]`` to [0, 1]; a constant map becomes 0."""
    low = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - low
    stretched: Maps = (maps - low) / np.where(span > 0, span, 1)
    return stretched


def upsample(maps: Maps, size: tuple[int, int]) -> Maps:
    """Bilinear upsampling of ``[C, h, w]`` to ``[C, H, W]``, pixel centres aligned."""
    tensor = torch.from_numpy(np.ascontiguousarray(maps))[None]
    resized = F.interpolate(tensor, size=size, mode="bilinear", align_corners=False)
    return np.asarray(resized[0].numpy(), dtype=np.float32)

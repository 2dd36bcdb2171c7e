"""Rules that turn class-attention maps into one label per pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from wsss.checks import check_choice, check_share

RULES = ("paper", "argmax")
UNPAINTED = -1
Maps = NDArray[np.float32]
Painted = NDArray[np.int16]
"""``[H, W]`` of indices of maps, `UNPAINTED` where none applies."""


@dataclass(frozen=True)
class PseudoMaskConfig:
    """How pseudo-masks are made.

    ``name`` is the rule, ``paper`` or ``argmax``. ``image_labels`` says which classes may appear:
    those the image is labelled with (``given``) or those whose probability reaches
    ``presence_threshold`` (``predicted``; where none does, the likeliest class or, if the dataset
    has one, the background). ``background_threshold`` is used where the dataset has a background:
    pixels at which no map, stretched to 0..1, reaches it belong there; the rule ``paper`` has the
    maps' means for it. ``export`` also writes all masks as one array, for images of one size.
    """

    name: str
    image_labels: str
    presence_threshold: float
    background_threshold: float
    export: bool

    def __post_init__(self) -> None:
        check_choice("pseudo_mask.name", self.name, RULES)
        check_choice("pseudo_mask.image_labels", self.image_labels, ("given", "predicted"))
        check_share("pseudo_mask.presence_threshold", self.presence_threshold)
        check_share("pseudo_mask.background_threshold", self.background_threshold)


def pseudo_mask(
    maps: Maps,
    probabilities: Maps,
    present: NDArray[np.bool_],
    rule: str,
    size: tuple[int, int],
    background_threshold: float | None = None,
) -> Painted:
    """One pseudo-mask by the named rule.

    Args:
        maps: class attention ``[C, h, w]``, at least 0.
        probabilities: ``[C]``, in [0, 1].
        present: ``[C]``, classes that may appear.
        rule: ``paper`` or ``argmax``.
        size: height and width of the mask; maps are upsampled bilinearly.
        background_threshold: see `PseudoMaskConfig`; ``None`` where there is no background, so
            that every pixel takes a class that is present.

    Returns:
        indices of ``maps``, `UNPAINTED` for the background.

    Raises:
        ValueError: no class is present and there is no background, or an unknown rule.
    """
    has_background = background_threshold is not None
    if not present.any():
        if not has_background:
            raise ValueError("no class is present")
        return np.full(size, UNPAINTED, np.int16)
    chosen = np.flatnonzero(present)
    upsampled = upsample(maps[chosen], size)
    if rule == "paper":
        every = np.ones(len(chosen), bool)
        painted = paint_above_mean(upsampled, probabilities[chosen], every)
        painted = painted if has_background else fill_nearest(painted)
    elif rule == "argmax":
        stretched = min_max(upsampled)
        painted = stretched.argmax(axis=0).astype(np.int16)
        if background_threshold is not None:
            painted[stretched.max(axis=0) < background_threshold] = UNPAINTED
    else:
        raise ValueError(f"unknown mask rule '{rule}'")
    return np.array([*chosen, UNPAINTED], np.int16)[painted]  # -1 takes the last


def present_classes(
    probabilities: Maps, labels: Maps, image_labels: str, threshold: float, *, may_be_none: bool
) -> NDArray[np.bool_]:
    """Classes that may appear in an image, ``[C]``; see `PseudoMaskConfig`."""
    if image_labels == "given":
        return labels > 0
    present = probabilities >= threshold
    if not may_be_none:
        present[probabilities.argmax()] = True
    return present


def paint_above_mean(maps: Maps, probabilities: Maps, present: NDArray[np.bool_]) -> Painted:
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


def fill_nearest(painted: Painted) -> Painted:
    """Give each unpainted pixel the label of the nearest painted one (Euclidean distance).

    `UNPAINTED` stays only where nothing at all is painted.
    """
    holes = painted == UNPAINTED
    if not holes.any() or holes.all():
        return painted
    nearest = distance_transform_edt(holes, return_distances=False, return_indices=True)
    filled: Painted = painted[tuple(nearest)]
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

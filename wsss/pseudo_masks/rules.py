"""Rules that turn class-attention maps into one label per pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from wsss.checks import check_choice, check_least, check_share
from wsss.maps.otsu import otsu_threshold
from wsss.pseudo_masks.refinement import REFINEMENTS

RULES = ("paper", "argmax", "adaptive")
UNPAINTED = -1
UNCERTAIN = -2
Maps = NDArray[np.float32]
Painted = NDArray[np.int16]
"""``[H, W]`` of indices of maps, `UNPAINTED` where none applies, `UNCERTAIN` where it is open."""


@dataclass(frozen=True)
class PseudoMaskConfig:
    """How pseudo-masks are made.

    ``name`` is the rule:

    - ``paper``: `paint_above_mean`; what no class claims is background, or else takes the label
      of the nearest pixel that has one;
    - ``argmax``: each pixel takes the class whose map, stretched to 0..1, is highest there;
    - ``adaptive``: `paint_above_otsu`; what no class claims is background, or else
      takes the class that ``argmax`` gives it.

    ``image_labels`` says which classes may appear: those the image is labelled with (``given``) or
    those whose probability reaches ``presence_threshold`` (``predicted``; where none does, the
    likeliest class or, if the dataset has one, the background).

    ``background_threshold`` is for ``argmax`` on a dataset with a background: pixels at which no
    stretched map reaches it belong there, since the other rules find thresholds in the maps. With
    ``foreground_threshold`` those in between that do not reach that one either are left
    unlabelled; ``None`` leaves none out. With a ``margin`` above 0, pixels are left unlabelled
    that a class has but where the two highest stretched maps differ by less.

    ``refine`` is what maps go through before the rule: ``none``, or ``pamr``
    (`wsss.pseudo_masks.refinement`) with ``pamr_iterations`` and ``pamr_dilations``. ``export``
    also writes all masks as one array, for images of one size.
    """

    name: str
    image_labels: str
    presence_threshold: float
    background_threshold: float
    foreground_threshold: float | None
    margin: float
    refine: str
    pamr_iterations: int
    pamr_dilations: list[int]
    export: bool

    def __post_init__(self) -> None:
        check_choice("pseudo_mask.name", self.name, RULES)
        check_choice("pseudo_mask.image_labels", self.image_labels, ("given", "predicted"))
        check_share("pseudo_mask.presence_threshold", self.presence_threshold)
        check_share("pseudo_mask.background_threshold", self.background_threshold)
        if self.foreground_threshold is not None:
            self._check_foreground(self.foreground_threshold)
        check_share("pseudo_mask.margin", self.margin)
        check_choice("pseudo_mask.refine", self.refine, REFINEMENTS)
        check_least("pseudo_mask.pamr_iterations", self.pamr_iterations, 1)
        if not self.pamr_dilations:
            raise ValueError("pseudo_mask.pamr_dilations is empty, it must hold one or more")
        check_least("pseudo_mask.pamr_dilations", min(self.pamr_dilations), 1)

    def has_threshold(self, background: int | None) -> bool:
        """Whether ``background_threshold`` applies on a dataset with this background class."""
        return background is not None and self.name == "argmax"

    def _check_foreground(self, threshold: float) -> None:
        key = "pseudo_mask.foreground_threshold"
        check_share(key, threshold)
        if self.name != "argmax":
            raise ValueError(f"{key} is for pseudo_mask.name=argmax, which is '{self.name}'")
        if threshold < self.background_threshold:
            raise ValueError(
                f"{key} is {threshold}, it must be at least background_threshold, "
                f"{self.background_threshold}"
            )


def pseudo_mask(
    maps: Maps, probabilities: Maps, rule: PseudoMaskConfig, *, has_background: bool
) -> Painted:
    """One pseudo-mask of the classes that may appear.

    Args:
        maps: ``[P, H, W]``, a map per such class at the size of the mask.
        probabilities: ``[P]``, in [0, 1].
        rule: see `PseudoMaskConfig`.
        has_background: without one, every pixel takes a class or is left unlabelled.

    Returns:
        indices of ``maps``, `UNPAINTED` for the background, `UNCERTAIN` where left unlabelled.

    Raises:
        ValueError: no class may appear and there is no background.
    """
    if not len(maps):
        if not has_background:
            raise ValueError("no class is present")
        return np.full(maps.shape[1:], UNPAINTED, np.int16)
    stretched = min_max(maps)
    if rule.name == "paper":
        painted = paint_above_mean(maps, probabilities, np.ones(len(maps), bool))
        painted = painted if has_background else fill_nearest(painted)
    elif rule.name == "adaptive":
        painted = paint_above_otsu(stretched)
        if not has_background:
            holes = painted == UNPAINTED
            painted[holes] = stretched[:, holes].argmax(axis=0)
    else:
        painted = stretched.argmax(axis=0).astype(np.int16)
        if has_background:
            highest = stretched.max(axis=0)
            if rule.foreground_threshold is not None:
                painted[highest < rule.foreground_threshold] = UNCERTAIN
            painted[highest < rule.background_threshold] = UNPAINTED
    painted[(painted != UNPAINTED) & _undecided(stretched, rule.margin)] = UNCERTAIN
    return painted


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


def paint_above_otsu(maps: Maps) -> Painted:
    """Paint each class where its map reaches its own `otsu_threshold`.

    Of several claims to a pixel the one wins that exceeds its threshold by the greatest share of
    what lies between threshold and the map's maximum, the first of equal ones. A rising affine
    change of any map changes nothing. Otsu's is the threshold; to take one for every class and
    image and to settle claims so is this project's own rule.

    Args:
        maps: ``[C, H, W]``.

    Returns:
        indices of ``maps``, `UNPAINTED` where no map reaches its threshold.
    """
    excess = np.full(maps.shape, -1.0, np.float32)
    for values, over in zip(maps, excess, strict=True):
        threshold = otsu_threshold(values)
        claimed = values >= threshold
        over[claimed] = (values[claimed] - threshold) / (values.max() - threshold)
    painted: Painted = excess.argmax(axis=0).astype(np.int16)
    painted[excess.max(axis=0) < 0] = UNPAINTED
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


def _undecided(stretched: Maps, margin: float) -> NDArray[np.bool_]:
    """Pixels ``[H, W]`` where the two highest maps are less than ``margin`` apart."""
    if margin == 0 or len(stretched) == 1:
        return np.zeros(stretched.shape[1:], bool)
    second, first = np.partition(stretched, -2, axis=0)[-2:]
    undecided: NDArray[np.bool_] = first - second < margin
    return undecided

"""Each class above a threshold found in its own map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsss.maps.otsu import otsu_threshold
from wsss.pseudo_masks.min_max import min_max
from wsss.pseudo_masks.rules.rule import UNPAINTED, Maps, Painted, RuleSettings


def adaptive(maps: Maps, probabilities: NDArray[np.float32], settings: RuleSettings) -> Painted:
    """`paint_above_otsu`; without a background, holes take the class with the highest map."""
    stretched = min_max(maps)
    painted = paint_above_otsu(stretched)
    if not settings.has_background:
        holes = painted == UNPAINTED
        painted[holes] = stretched[:, holes].argmax(axis=0)
    return painted


def paint_above_otsu(maps: Maps) -> Painted:
    """Paint each class where its map reaches its own `otsu_threshold`.

    If several classes claim a pixel, it takes the one whose map exceeds its threshold the most,
    relative to the distance between that threshold and the map's maximum; the first of equal ones.
    An increasing affine change of any map changes nothing. The threshold is Otsu's; its use per
    class and image and the choice between claims are this project's.

    Args:
        maps: ``[P, H, W]``.

    Returns:
        indices of ``maps`` ``[H, W]``, `UNPAINTED` where no map reaches its threshold.
    """
    excess = np.full(maps.shape, -1.0, np.float32)
    for values, over in zip(maps, excess, strict=True):
        threshold = otsu_threshold(values)
        claimed = values >= threshold
        over[claimed] = (values[claimed] - threshold) / (values.max() - threshold)
    painted: Painted = excess.argmax(axis=0).astype(np.int16)
    painted[excess.max(axis=0) < 0] = UNPAINTED
    return painted

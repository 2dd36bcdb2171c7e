"""The published rule: each class where its map is above its mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsss.pseudo_masks.rules.rule import UNPAINTED, Maps, Painted, RuleSettings


def paper(maps: Maps, probabilities: NDArray[np.float32], settings: RuleSettings) -> Painted:
    """`paint_above_mean`; without a background, `fill_nearest` labels the holes."""
    return paint_above_mean(maps, probabilities)


def paint_above_mean(maps: Maps, probabilities: NDArray[np.float32]) -> Painted:
    """The published rule before filling ("Know Your Attention Maps", ICCV 2025).

    Classes are painted in order of increasing probability wherever their map reaches its mean, so
    that the most probable class is on top.

    Args:
        maps: ``[P, H, W]``.
        probabilities: ``[P]``.

    Returns:
        indices of ``maps`` ``[H, W]``, `UNPAINTED` where no map reaches its mean.
    """
    painted = np.full(maps.shape[1:], UNPAINTED, np.int16)
    for index in np.argsort(probabilities, kind="stable"):
        painted[maps[index] >= maps[index].mean()] = index
    return painted

"""The class with the highest map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsss.pseudo_masks.min_max import min_max
from wsss.pseudo_masks.rules.rule import UNCERTAIN, UNPAINTED, Background, Maps, Painted


def argmax(
    maps: Maps, probabilities: NDArray[np.float32], background: Background | None
) -> Painted:
    """Each pixel takes the class whose map, stretched to [0, 1], is highest.

    Pixels where all stretched maps are below ``background.threshold`` are background; others below
    ``background.foreground_threshold`` are left unlabelled.
    """
    stretched = min_max(maps)
    painted: Painted = stretched.argmax(axis=0).astype(np.int16)
    if background is not None:
        highest = stretched.max(axis=0)
        if background.foreground_threshold is not None:
            painted[highest < background.foreground_threshold] = UNCERTAIN
        painted[highest < background.threshold] = UNPAINTED
    return painted

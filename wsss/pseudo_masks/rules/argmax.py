"""The class with the highest map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsss.pseudo_masks.min_max import min_max
from wsss.pseudo_masks.rules.rule import UNCERTAIN, UNPAINTED, Maps, Painted, RuleSettings


def argmax(maps: Maps, probabilities: NDArray[np.float32], settings: RuleSettings) -> Painted:
    """Each pixel takes the class whose map, stretched to [0, 1], is highest.

    With a background class, pixels where all stretched maps are below ``background_threshold`` are
    background, and others below ``foreground_threshold`` are left unlabelled.
    """
    stretched = min_max(maps)
    painted: Painted = stretched.argmax(axis=0).astype(np.int16)
    if settings.has_background:
        highest = stretched.max(axis=0)
        if settings.foreground_threshold is not None:
            painted[highest < settings.foreground_threshold] = UNCERTAIN
        painted[highest < settings.background_threshold] = UNPAINTED
    return painted

"""The likeliest class by the softmax of scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsss.pseudo_masks.rules.rule import Maps, Painted, RuleSettings


def softmax(maps: Maps, probabilities: NDArray[np.float32], settings: RuleSettings) -> Painted:
    """Each pixel takes the class with the highest score or, once refined, probability.

    Unlike `argmax`, maps are not stretched, so that a class that is weak everywhere in an image
    stays weak.
    """
    painted: Painted = maps.argmax(axis=0).astype(np.int16)
    return painted

"""The likeliest class by the softmax of scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsss.pseudo_masks.class_probabilities import with_background
from wsss.pseudo_masks.rules.rule import UNPAINTED, Maps, Painted, RuleSettings


def softmax(maps: Maps, probabilities: NDArray[np.float32], settings: RuleSettings) -> Painted:
    """Each pixel takes the class with the highest score or, once refined, probability.

    Unlike `argmax`, maps are not stretched, so that a class that is weak everywhere in an image
    stays weak. A background class has the probability that the others leave.
    """
    shares = with_background(maps) if settings.has_background else maps
    painted: Painted = shares.argmax(axis=0).astype(np.int16)
    painted[painted == len(maps)] = UNPAINTED
    return painted

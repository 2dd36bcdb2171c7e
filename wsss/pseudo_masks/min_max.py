"""Maps on a common scale."""

from __future__ import annotations

import numpy as np

from wsss.pseudo_masks.rules.rule import Maps


def min_max(maps: Maps) -> Maps:
    """Stretch each map ``[P, H, W]`` to [0, 1]; a constant map becomes 0."""
    low = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - low
    stretched: Maps = (maps - low) / np.where(span > 0, span, 1)
    return stretched

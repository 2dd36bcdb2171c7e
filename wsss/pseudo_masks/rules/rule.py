"""What a rule takes and returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UNPAINTED = -1
"""No class claims the pixel: it is background."""
UNCERTAIN = -2
"""The pixel is left unlabelled."""
Maps = NDArray[np.float32]
"""``[P, H, W]``, one map per class that may appear, at the size of the mask."""
Painted = NDArray[np.int16]
"""``[H, W]``, indices of maps, `UNPAINTED` or `UNCERTAIN`."""


class RuleSettings(NamedTuple):
    """What rules read from the dataset and from the config group ``pseudo_mask``."""

    has_background: bool
    """Whether the dataset has a background class; if not, every pixel must take a class."""
    background_threshold: float
    """See `PseudoMaskConfig`."""
    foreground_threshold: float | None
    """See `PseudoMaskConfig`."""


class Rule(NamedTuple):
    """A rule of the registry."""

    paint: Callable[[Maps, NDArray[np.float32], RuleSettings], Painted]
    """Paints a mask from maps ``[P, H, W]`` and probabilities ``[P]``, P at least 1.

    Pixels may be given in one row, without those that hold no data: what is done with a pixel may
    depend on all values of its map, but not on where it lies. For that there is ``fill``.
    """
    fill: Callable[[Painted], Painted] | None = None
    """Labels unpainted pixels of a mask ``[H, W]``, where the dataset has no background."""
    uses_thresholds: bool = False
    """Whether it reads ``background_threshold`` and ``foreground_threshold``."""
    of_scores: bool = False
    """Whether maps are scores, whose probabilities are refined in place of stretched maps.

    On a dataset with a background they must be scores against it, see `class_probabilities`.
    """

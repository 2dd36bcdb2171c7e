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


class Background(NamedTuple):
    """Limits below which a class does not count, for a dataset with a background class.

    Both apply to maps stretched to [0, 1]; see `PseudoMaskConfig`.
    """

    threshold: float
    foreground_threshold: float | None


class Rule(NamedTuple):
    """A rule of the registry."""

    paint: Callable[[Maps, NDArray[np.float32], Background | None], Painted]
    """Paints a mask from maps ``[P, H, W]`` and probabilities ``[P]``, P at least 1.

    Without a background (``None``) every pixel must take a class.
    """
    uses_thresholds: bool = False
    """Whether it reads the thresholds of `Background`."""

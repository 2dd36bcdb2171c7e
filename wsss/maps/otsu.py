"""A threshold found in the values that it parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def otsu_threshold(values: NDArray[np.floating]) -> float:
    """The threshold that parts values best in two, infinite where all are equal.

    Of all ways to cut the sorted values it takes the one with the greatest between-class variance,
    ``w0 * w1 * (m1 - m0)**2`` of the two parts' shares ``w`` and means ``m`` (Otsu, IEEE
    Transactions on Systems, Man, and Cybernetics 1979, equation 14), and returns the middle of the
    gap. Without a histogram no number of bins has to be chosen, and a rising affine change of the
    values changes the threshold alike.
    """
    ordered = np.sort(values, axis=None).astype(np.float64)
    cuts = np.flatnonzero(np.diff(ordered) > 0)
    if not len(cuts):
        return float("inf")
    sums = np.cumsum(ordered)
    below, above = cuts + 1, len(ordered) - cuts - 1
    distance = (sums[-1] - sums[cuts]) / above - sums[cuts] / below
    best = cuts[(below * above * distance**2).argmax()]
    return float((ordered[best] + ordered[best + 1]) / 2)

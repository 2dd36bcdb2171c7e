"""Otsu's threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def otsu_threshold(values: NDArray[np.floating]) -> float:
    """The threshold that best separates values into two classes; infinite if all are equal.

    It maximises the between-class variance ``w0 * w1 * (m1 - m0)**2`` of the shares ``w`` and means
    ``m`` of the classes (Otsu, IEEE Transactions on Systems, Man, and Cybernetics 1979, equation
    14). The maximum is taken over all cuts of the sorted values, not over the bins of a histogram;
    the threshold is the middle of the gap. An increasing affine change of the values changes the
    threshold in the same way.

    Args:
        values: any shape, finite.
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

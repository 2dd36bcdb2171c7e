"""How far a configuration is from the baseline, seed by seed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.stats import t

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences, in the unit of the metric, and its confidence interval."""

    seeds: tuple[int, ...]
    """Those that both have, rising."""
    mean: float | None
    """``None``, as is the interval, with fewer than two seeds in common."""
    low: float | None
    high: float | None


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> Difference:
    """Values minus baseline over the seeds that both have, with Student's t interval.

    The interval is ``mean ± t * s / sqrt(n)`` over the n paired differences: s is their sample
    standard deviation, t the quantile of Student's distribution with n - 1 degrees of freedom that
    leaves 2.5 % on either side.

    Args:
        values: by seed.
        baseline: by seed.
    """
    seeds = tuple(sorted(values.keys() & baseline.keys()))
    number = len(seeds)
    if number < 2:
        return Difference(seeds, None, None, None)
    differences = [values[seed] - baseline[seed] for seed in seeds]
    mean = statistics.fmean(differences)
    quantile = float(t.ppf((1 + CONFIDENCE) / 2, number - 1))
    half = quantile * statistics.stdev(differences) / math.sqrt(number)
    return Difference(seeds, mean, mean - half, mean + half)

"""Paired differences between a configuration and the baseline."""

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
    """Seeds that both have, increasing."""
    mean: float | None
    """``None``, like the interval, with fewer than two common seeds."""
    low: float | None
    high: float | None


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> Difference:
    """Values minus baseline over common seeds, with Student's t interval.

    The interval is ``mean ± t * s / sqrt(n)`` over the n paired differences: s is their sample
    standard deviation, t the 97.5 % quantile of Student's distribution with n - 1 degrees of
    freedom.

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

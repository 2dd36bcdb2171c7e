"""Class probabilities of pixels from maps of scores, with and without a background."""

from __future__ import annotations

import numpy as np

from wsss.pseudo_masks.rules.rule import Maps


def class_probabilities(maps: Maps, *, has_background: bool) -> Maps:
    """Probabilities ``[P, H, W]`` from maps of `competition` or `self_labelled`.

    They sum to 1 at a pixel, or leave the rest to a background; a map is then the logarithm of
    1 + the odds of its class against the background.
    """
    if not has_background:
        return _softmax(maps)
    log_odds = maps + np.log(-np.expm1(-np.maximum(maps, np.finfo(np.float32).tiny)))
    return _softmax(np.concatenate([log_odds, np.zeros_like(maps[:1])]))[:-1]


def with_background(probabilities: Maps) -> Maps:
    """``[P + 1, H, W]``: the last is what the classes leave."""
    rest: Maps = 1 - probabilities.sum(axis=0, keepdims=True)
    return np.concatenate([probabilities, rest])


def _softmax(scores: Maps) -> Maps:
    from scipy.special import softmax  # SciPy takes a third of a second

    shares: Maps = softmax(scores, axis=0)
    return shares

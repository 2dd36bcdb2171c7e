from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wsss.data.types import IGNORE_INDEX, Mask
from wsss.evaluation.metrics import SegmentationEvaluator
from wsss.evaluation.threshold_curve import THRESHOLDS, ThresholdEvaluator
from wsss.pseudo_masks.config import PseudoMaskConfig
from wsss.pseudo_masks.min_max import min_max
from wsss.pseudo_masks.painting import apply_rule
from wsss.pseudo_masks.rules.rule import UNCERTAIN, UNPAINTED, Maps

BACKGROUND = 2
RULE = PseudoMaskConfig("argmax", "given", 0.5, 0.0, None, 0.0, "none", 1, [1], False)


def test_the_whole_range_is_covered() -> None:
    assert THRESHOLDS[0] == 0 and THRESHOLDS[-1] == 1 and len(THRESHOLDS) == 101
    assert 0.4 in THRESHOLDS  # the default


@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_every_threshold_counts_what_its_masks_do(margin: float) -> None:
    rng = np.random.default_rng(0)
    counts = ThresholdEvaluator(4, BACKGROUND)
    evaluators = [SegmentationEvaluator(4) for _ in THRESHOLDS]
    # Maps at exactly a threshold reach it.
    exact = np.asarray(THRESHOLDS, np.float32)[None, None].repeat(3, axis=0)
    images = [exact, *(rng.random((3, 7, 9)).astype(np.float32) for _ in range(3))]
    for maps in images:
        target = rng.choice([0, 1, 2, 3, IGNORE_INDEX], maps.shape[1:]).astype(np.uint8)
        lowest = _mask(maps, 0.0, margin)
        counts.update(lowest, min_max(maps).max(axis=0), target)
        for threshold, evaluator in zip(THRESHOLDS, evaluators, strict=True):
            evaluator.update(_mask(maps, threshold, margin), target)
    for index, evaluator in enumerate(evaluators):
        assert np.array_equal(counts.at(index).confusion, evaluator.confusion), index
    assert counts.at(0).confusion[:, -1].any() == (margin > 0)


def _mask(maps: Maps, threshold: float, margin: float) -> Mask:
    rule = replace(RULE, background_threshold=threshold, margin=margin)
    painted = apply_rule(maps, np.ones(3, np.float32), rule, has_background=True)
    classes = {0: 0, 1: 1, 2: 3, UNPAINTED: BACKGROUND, UNCERTAIN: IGNORE_INDEX}
    return np.array([[classes[index] for index in row] for row in painted.tolist()], np.uint8)


def test_an_image_of_nothing_but_background_is_so_at_every_threshold() -> None:
    counts = ThresholdEvaluator(4, BACKGROUND)
    nowhere = np.full((2, 3), BACKGROUND, np.uint8)
    counts.update(nowhere, np.zeros((2, 3), np.float32), np.full((2, 3), 1, np.uint8))
    for index in (0, 50, 100):
        confusion = counts.at(index).confusion
        assert confusion[1, BACKGROUND] == confusion.sum() == 6

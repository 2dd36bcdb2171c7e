"""Synthetic scenes: reproducible, plausible, and not separable by a single band."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from wsss.data.datasets.dfc_tree import CLASS_CODES
from wsss.data.datasets.scenes import Scene, draw_scene

COUNT, SIZE = 60, 64


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(0, index, SIZE) for index in range(COUNT)]


def test_a_scene_depends_on_seed_and_index_alone() -> None:
    first, again = draw_scene(3, 5, 48), draw_scene(3, 5, 48)

    assert np.array_equal(first.s2, again.s2) and np.array_equal(first.s1, again.s1)
    assert np.array_equal(first.codes, again.codes)
    assert not np.array_equal(first.s2, draw_scene(3, 6, 48).s2)
    assert not np.array_equal(first.s2, draw_scene(4, 5, 48).s2)


def test_two_to_four_classes_a_scene(scenes: list[Scene]) -> None:
    counts = [len(np.unique(scene.codes)) for scene in scenes]

    assert min(counts) == 2 and max(counts) == 4
    assert set(np.unique([scene.codes for scene in scenes])) == set(CLASS_CODES.values())


def test_values_are_those_of_the_sensors(scenes: list[Scene]) -> None:
    s2 = np.stack([scene.s2 for scene in scenes])
    s1 = np.stack([scene.s1 for scene in scenes])

    assert s2.shape == (COUNT, 13, SIZE, SIZE) and s2.dtype == np.uint16
    assert 0.02 < np.median(s2) / 1e4 < 0.3
    assert s1.shape == (COUNT, 2, SIZE, SIZE) and -35 < s1.mean() < 0
    assert s1[:, 0].mean() > s1[:, 1].mean()  # VV scatters back more than VH


def test_no_class_stands_out_by_a_threshold_on_one_band(scenes: list[Scene]) -> None:
    pixels = np.concatenate([np.concatenate([s.s2, s.s1]).reshape(15, -1) for s in scenes], axis=1)
    codes = np.concatenate([scene.codes.ravel() for scene in scenes])

    for code in CLASS_CODES.values():
        inside = codes == code
        best = max(_best_threshold_iou(band, inside) for band in pixels)
        assert best < 0.8


def _best_threshold_iou(values: NDArray[np.float64], inside: NDArray[np.bool_]) -> float:
    """IoU of the best rule "above t" or "below t" over all thresholds t."""
    hits = inside[np.argsort(values)].cumsum()
    taken, total = np.arange(1, len(values) + 1), inside.sum()
    below = hits / (taken + total - hits)
    above = (total - hits) / (len(values) - taken + hits)
    return float(max(below.max(), above.max()))

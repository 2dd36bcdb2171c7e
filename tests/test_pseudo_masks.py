from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from wsss.pseudo_masks import (
    RULES,
    UNPAINTED,
    PseudoMaskConfig,
    fill_nearest,
    min_max,
    paint_above_mean,
    present_classes,
    pseudo_mask,
    upsample,
)

Floats = NDArray[np.float32]


def floats(values: object) -> Floats:
    return np.asarray(values, np.float32)


def random_case(seed: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Maps [5, 4, 6], probabilities and present classes, at least one of them."""
    rng = np.random.default_rng(seed)
    present = rng.random(5) < 0.5
    present[rng.integers(5)] = True
    return floats(rng.random((5, 4, 6))), floats(rng.random(5)), present


def test_argmax_by_hand() -> None:
    maps = floats([[[0, 10], [5, 2]], [[0.4, 0.1], [0.3, 0.2]], [[9, 9], [9, 9]]])
    present = np.array([True, True, False])
    # stretched: class 0 [[0, 1], [.5, .2]], class 1 [[1, 0], [.67, .33]]
    mask = pseudo_mask(maps, floats([0.5, 0.5, 0.9]), present, "argmax", (2, 2))
    assert mask.dtype == np.int16
    assert mask.tolist() == [[1, 0], [1, 1]]


def test_paper_by_hand() -> None:
    maps = floats(
        [
            [[4, 4, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],  # mean 2/3: the first two pixels
            [[0, 9, 9, 0], [0, 0, 0, 0], [0, 0, 0, 0]],  # mean 1.5: the second and third
            [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 9]],
        ]
    )
    present = np.array([True, True, False])
    likelier_first = floats([0.9, 0.2, 1.0])
    assert paint_above_mean(maps, likelier_first, present).tolist() == [
        [0, 0, 1, -1],
        [-1, -1, -1, -1],
        [-1, -1, -1, -1],
    ]
    mask = pseudo_mask(maps, likelier_first, present, "paper", (3, 4))
    assert mask.tolist() == [[0, 0, 1, 1]] * 3
    likelier_second = floats([0.2, 0.9, 1.0])
    mask = pseudo_mask(maps, likelier_second, present, "paper", (3, 4))
    assert mask.tolist() == [[0, 1, 1, 1]] * 3


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(10))
def test_only_present_classes_appear(rule: str, seed: int) -> None:
    maps, probabilities, present = random_case(seed)
    mask = pseudo_mask(maps, probabilities, present, rule, (9, 11))
    assert mask.shape == (9, 11)
    assert present[np.unique(mask)].all()


@pytest.mark.parametrize("rule", RULES)
def test_maps_of_absent_classes_do_not_matter(rule: str) -> None:
    maps, probabilities, present = random_case(3)
    assert not present.all()
    changed, other = maps.copy(), probabilities.copy()
    changed[~present], other[~present] = 100.0, 1.0
    size = (8, 8)
    assert np.array_equal(
        pseudo_mask(maps, probabilities, present, rule, size),
        pseudo_mask(changed, other, present, rule, size),
    )


@pytest.mark.parametrize("rule", RULES)
def test_one_present_class_takes_every_pixel(rule: str) -> None:
    maps, probabilities, _ = random_case(0)
    only = np.arange(5) == 3
    assert (pseudo_mask(maps, probabilities, only, rule, (5, 5)) == 3).all()


@pytest.mark.parametrize("rule", RULES)
def test_constant_maps_still_give_a_mask(rule: str) -> None:
    maps = np.zeros((3, 2, 2), np.float32)
    present = np.array([False, True, True])
    mask = pseudo_mask(maps, floats([0.1, 0.2, 0.3]), present, rule, (4, 4))
    assert present[mask].all()


def test_the_likelier_class_lies_on_top() -> None:
    maps = floats(np.ones((3, 2, 2)))  # every class reaches its own mean everywhere
    every = np.ones(3, bool)
    for top in range(3):
        probabilities = floats([0.5] * 3)
        probabilities[top] = 0.6
        assert (paint_above_mean(maps, probabilities, every) == top).all()


@pytest.mark.parametrize("seed", range(5))
def test_argmax_ignores_the_scale_of_each_map(seed: int) -> None:
    maps, probabilities, present = random_case(seed)
    factors = floats([4.0, 0.25, 2.0, 1.0, 8.0])[:, None, None]  # exact in binary
    for size in ((4, 6), (8, 12)):
        assert np.array_equal(
            pseudo_mask(maps, probabilities, present, "argmax", size),
            pseudo_mask(maps * factors, probabilities, present, "argmax", size),
        )


def test_filling() -> None:
    nothing = np.full((3, 3), UNPAINTED, np.int16)
    assert np.array_equal(fill_nearest(nothing), nothing)
    full = np.arange(9, dtype=np.int16).reshape(3, 3)
    assert np.array_equal(fill_nearest(full), full)
    two = nothing.repeat(2, axis=1)
    two[0, 0], two[2, 5] = 4, 7
    assert fill_nearest(two).tolist() == [[4, 4, 4, 7, 7, 7]] * 3


def test_given_labels_are_taken_as_they_are() -> None:
    labels, probabilities = floats([0, 1, 0, 1]), floats([0.9, 0.1, 0.9, 0.1])
    assert present_classes(probabilities, labels, "given", 0.5, may_be_none=True).tolist() == [
        0,
        1,
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0.5, [1, 0, 1, 0]), (0.6, [1, 0, 0, 0]), (0.0, [1, 1, 1, 1]), (0.99, [1, 0, 0, 0])],
)
def test_predicted_labels_reach_the_threshold_or_are_the_likeliest(
    threshold: float, expected: list[int]
) -> None:
    labels, probabilities = floats([0, 1, 0, 1]), floats([0.7, 0.1, 0.5, 0.2])
    found = present_classes(probabilities, labels, "predicted", threshold, may_be_none=False)
    assert found.tolist() == expected
    assert probabilities.tolist() == floats([0.7, 0.1, 0.5, 0.2]).tolist()


def test_no_present_class_and_unknown_rules_are_refused() -> None:
    maps, probabilities, present = random_case(0)
    with pytest.raises(ValueError, match="no class is present"):
        pseudo_mask(maps, probabilities, np.zeros(5, bool), "paper", (4, 4))
    with pytest.raises(ValueError, match="unknown mask rule 'best'"):
        pseudo_mask(maps, probabilities, present, "best", (4, 4))
    with pytest.raises(ValueError, match=r"pseudo_mask\.name is 'best'; valid: paper, argmax"):
        PseudoMaskConfig("best", "given", 0.5, 0.4, False)
    with pytest.raises(ValueError, match=r"pseudo_mask\.image_labels is .*; valid: given, predic"):
        PseudoMaskConfig("paper", "guessed", 0.5, 0.4, False)


@pytest.mark.parametrize("size", [(4, 6), (7, 5), (64, 96), (2, 3)])
def test_upsampling_a_constant_map_is_constant(size: tuple[int, int]) -> None:
    raised = upsample(np.full((2, 4, 6), 0.3, np.float32), size)
    assert raised.shape == (2, *size) and raised.dtype == np.float32
    assert raised == pytest.approx(0.3)


def test_upsampling_keeps_maps_of_their_size_and_stays_in_range() -> None:
    maps, *_ = random_case(1)
    assert np.array_equal(upsample(maps, (4, 6)), maps)
    raised = upsample(maps, (16, 24))
    assert maps.min() <= raised.min() and raised.max() <= maps.max()
    mirrored = upsample(maps[..., ::-1], (16, 24))[..., ::-1]
    assert mirrored == pytest.approx(raised, abs=1e-6)


def test_stretching_reaches_0_and_1_and_maps_constants_to_0() -> None:
    maps, *_ = random_case(2)
    maps[4] = 0.5
    stretched = min_max(maps)
    assert (stretched[:4].min(axis=(1, 2)) == 0).all()
    assert (stretched[:4].max(axis=(1, 2)) == 1).all()
    assert (stretched[4] == 0).all()


def test_the_background_takes_pixels_where_every_map_is_low() -> None:
    maps = floats([[[0.0, 0.3, 1.0]], [[2.0, 0.2, 0.0]]])
    mask = pseudo_mask(maps, floats([0.9, 0.8]), np.array([True, True]), "argmax", (1, 3), 0.4)
    assert mask.tolist() == [[1, UNPAINTED, 0]]
    lower = pseudo_mask(maps, floats([0.9, 0.8]), np.array([True, True]), "argmax", (1, 3), 0.2)
    assert lower.tolist() == [[1, 0, 0]]


def test_the_published_rule_leaves_the_background_unfilled() -> None:
    maps = floats([[[0.0, 0.0, 3.0]]])
    present = np.array([True])
    assert pseudo_mask(maps, floats([0.9]), present, "paper", (1, 3), 0.4).tolist() == [
        [UNPAINTED, UNPAINTED, 0]
    ]
    assert pseudo_mask(maps, floats([0.9]), present, "paper", (1, 3)).tolist() == [[0, 0, 0]]


def test_an_image_without_labels_is_background_all_over() -> None:
    maps, probabilities, _ = random_case(0)
    mask = pseudo_mask(maps, probabilities, np.zeros(5, bool), "argmax", (4, 4), 0.4)
    assert (mask == UNPAINTED).all()
    none = present_classes(probabilities, probabilities, "predicted", 1.0, may_be_none=True)
    assert not none.any()

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from wsss.maps.otsu import otsu_threshold
from wsss.pseudo_masks.candidates import present_classes
from wsss.pseudo_masks.class_probabilities import class_probabilities
from wsss.pseudo_masks.config import PseudoMaskConfig
from wsss.pseudo_masks.filling import fill_nearest
from wsss.pseudo_masks.min_max import min_max
from wsss.pseudo_masks.painting import apply_rule
from wsss.pseudo_masks.rules.adaptive import paint_above_otsu
from wsss.pseudo_masks.rules.paper import paint_above_mean
from wsss.pseudo_masks.rules.registry import RULES
from wsss.pseudo_masks.rules.rule import UNCERTAIN, UNPAINTED, Painted
from wsss.pseudo_masks.upsampling import upsample

Floats = NDArray[np.float32]
ARGMAX = PseudoMaskConfig(
    name="argmax",
    image_labels="given",
    presence_threshold=0.5,
    background_threshold=0.4,
    foreground_threshold=None,
    margin=0.0,
    refine="none",
    pamr_iterations=10,
    pamr_dilations=[1],
    export=False,
)


def floats(values: object) -> Floats:
    return np.asarray(values, np.float32)


def random_case(seed: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Maps [5, 4, 6], probabilities and present classes, at least one of them."""
    rng = np.random.default_rng(seed)
    present = rng.random(5) < 0.5
    present[rng.integers(5)] = True
    return floats(rng.random((5, 4, 6))), floats(rng.random(5)), present


def masked(
    maps: Floats,
    probabilities: Floats,
    present: NDArray[np.bool_],
    rule: str,
    size: tuple[int, int],
    background_threshold: float | None = None,
) -> Painted:
    """The mask by a rule in indices of all classes; with a threshold there is a background."""
    config = replace(ARGMAX, name=rule, background_threshold=background_threshold or 0.0)
    painted = apply_rule(
        upsample(maps[present], size),
        probabilities[present],
        config,
        has_background=background_threshold is not None,
    )
    return np.array([*np.flatnonzero(present), UNPAINTED], np.int16)[painted]


def test_argmax_by_hand() -> None:
    maps = floats([[[0, 10], [5, 2]], [[0.4, 0.1], [0.3, 0.2]], [[9, 9], [9, 9]]])
    present = np.array([True, True, False])
    # stretched: class 0 [[0, 1], [.5, .2]], class 1 [[1, 0], [.67, .33]]
    mask = masked(maps, floats([0.5, 0.5, 0.9]), present, "argmax", (2, 2))
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
    assert paint_above_mean(maps[present], likelier_first[present]).tolist() == [
        [0, 0, 1, -1],
        [-1, -1, -1, -1],
        [-1, -1, -1, -1],
    ]
    mask = masked(maps, likelier_first, present, "paper", (3, 4))
    assert mask.tolist() == [[0, 0, 1, 1]] * 3
    likelier_second = floats([0.2, 0.9, 1.0])
    mask = masked(maps, likelier_second, present, "paper", (3, 4))
    assert mask.tolist() == [[0, 1, 1, 1]] * 3


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(10))
def test_only_present_classes_appear(rule: str, seed: int) -> None:
    maps, probabilities, present = random_case(seed)
    mask = masked(maps, probabilities, present, rule, (9, 11))
    assert mask.shape == (9, 11)
    assert present[np.unique(mask)].all()


@pytest.mark.parametrize("rule", RULES)
def test_one_present_class_takes_every_pixel(rule: str) -> None:
    maps, probabilities, _ = random_case(0)
    only = np.arange(5) == 3
    assert (masked(maps, probabilities, only, rule, (5, 5)) == 3).all()


@pytest.mark.parametrize("rule", RULES)
def test_constant_maps_still_give_a_mask(rule: str) -> None:
    maps = np.zeros((3, 2, 2), np.float32)
    present = np.array([False, True, True])
    mask = masked(maps, floats([0.1, 0.2, 0.3]), present, rule, (4, 4))
    assert present[mask].all()


def test_the_likelier_class_lies_on_top() -> None:
    maps = floats(np.ones((3, 2, 2)))  # every class reaches its own mean everywhere
    for top in range(3):
        probabilities = floats([0.5] * 3)
        probabilities[top] = 0.6
        assert (paint_above_mean(maps, probabilities) == top).all()


@pytest.mark.parametrize("seed", range(5))
def test_argmax_ignores_the_scale_of_each_map(seed: int) -> None:
    maps, probabilities, present = random_case(seed)
    factors = floats([4.0, 0.25, 2.0, 1.0, 8.0])[:, None, None]  # exact in binary
    for size in ((4, 6), (8, 12)):
        assert np.array_equal(
            masked(maps, probabilities, present, "argmax", size),
            masked(maps * factors, probabilities, present, "argmax", size),
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
    assert present_classes(
        probabilities, labels, image_labels="given", threshold=0.5, may_be_none=True
    ).tolist() == [
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
    found = present_classes(
        probabilities, labels, image_labels="predicted", threshold=threshold, may_be_none=False
    )
    assert found.tolist() == expected
    assert probabilities.tolist() == floats([0.7, 0.1, 0.5, 0.2]).tolist()


def test_no_present_class_and_unknown_words_are_refused() -> None:
    nothing = np.empty((0, 4, 4), np.float32)
    with pytest.raises(ValueError, match="no class is present"):
        apply_rule(nothing, floats([]), ARGMAX, has_background=False)
    with pytest.raises(ValueError, match=r"pseudo_mask\.name is 'best'; valid: paper, argmax, ad"):
        replace(ARGMAX, name="best")
    with pytest.raises(ValueError, match=r"pseudo_mask\.image_labels is .*; valid: given, predic"):
        replace(ARGMAX, image_labels="guessed")
    with pytest.raises(ValueError, match=r"pseudo_mask\.refine is 'crf'; valid: none, pamr"):
        replace(ARGMAX, refine="crf")


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
    mask = masked(maps, floats([0.9, 0.8]), np.array([True, True]), "argmax", (1, 3), 0.4)
    assert mask.tolist() == [[1, UNPAINTED, 0]]
    lower = masked(maps, floats([0.9, 0.8]), np.array([True, True]), "argmax", (1, 3), 0.2)
    assert lower.tolist() == [[1, 0, 0]]


def test_the_published_rule_leaves_the_background_unfilled() -> None:
    maps = floats([[[0.0, 0.0, 3.0]]])
    present = np.array([True])
    assert masked(maps, floats([0.9]), present, "paper", (1, 3), 0.4).tolist() == [
        [UNPAINTED, UNPAINTED, 0]
    ]
    assert masked(maps, floats([0.9]), present, "paper", (1, 3)).tolist() == [[0, 0, 0]]


def test_an_image_without_labels_is_background_all_over() -> None:
    nothing, _, _ = random_case(0)
    for rule in RULES:
        config = replace(ARGMAX, name=rule, margin=0.3)
        mask = apply_rule(nothing[:0], floats([]), config, has_background=True)
        assert mask.shape == (4, 6) and (mask == UNPAINTED).all()
    none = present_classes(
        nothing[:, 0, 0],
        nothing[:, 0, 0],
        image_labels="predicted",
        threshold=1.0,
        may_be_none=True,
    )
    assert not none.any()


def test_otsu_by_hand() -> None:
    # Cut after the zeros: shares 2/6 and 4/6, means 0 and 4.75. No other cut comes near.
    assert otsu_threshold(floats([[0, 5], [0, 4], [5, 5]])) == 2.0
    # Cuts after 0, 1, 2, 9: w0 w1 (m1 - m0)^2 is 4 * 25, 6 * 36, 6 * (28/3)^2, 4 * 6.25.
    assert otsu_threshold(floats([0, 1, 2, 9, 13])) == 5.5
    assert otsu_threshold(floats([3, 3])) == float("inf")


def test_adaptive_by_hand() -> None:
    maps = floats(
        [
            [[0.0, 0.1, 0.9, 1.0, 0.8]],  # threshold 0.45: claims 2 to 4
            [[1.0, 0.0, 0.0, 0.6, 0.8]],  # threshold 0.3: claims 0, 3 and 4
        ]
    )
    # excess at 2: 0.45 / 0.55; at 3: 1 against 0.3 / 0.7; at 4: 0.35 / 0.55 against 0.5 / 0.7
    assert paint_above_otsu(maps).tolist() == [[1, UNPAINTED, 0, 0, 1]]
    mine = masked(maps, floats([0.5, 0.5]), np.ones(2, bool), "adaptive", (1, 5), 0.4)
    assert mine.tolist() == [[1, UNPAINTED, 0, 0, 1]]
    every = masked(maps, floats([0.5, 0.5]), np.ones(2, bool), "adaptive", (1, 5))
    assert every.tolist() == [[1, 0, 0, 0, 1]]  # at 1 the first map is higher


@pytest.mark.parametrize("seed", range(10))
def test_adaptive_ignores_a_rising_affine_change_of_each_map(seed: int) -> None:
    maps, probabilities, present = random_case(seed)
    rng = np.random.default_rng(seed + 100)
    factors, offsets = rng.uniform(0.1, 9, (2, 5, 1, 1)).astype(np.float32)
    for threshold in (None, 0.4):
        assert np.array_equal(
            masked(maps, probabilities, present, "adaptive", (8, 12), threshold),
            masked(
                maps * factors + offsets, probabilities, present, "adaptive", (8, 12), threshold
            ),
        )


def test_a_constant_map_claims_nothing() -> None:
    maps = floats([[[0.7, 0.7, 0.7]], [[0.0, 0.1, 1.0]]])
    assert paint_above_otsu(maps).tolist() == [[UNPAINTED, UNPAINTED, 1]]


def test_between_the_two_thresholds_pixels_are_left_unlabelled() -> None:
    maps = floats([[[0.0, 0.3, 0.4, 0.5, 0.6, 1.0]]])
    band = replace(ARGMAX, foreground_threshold=0.6)
    mask = apply_rule(maps, floats([0.9]), band, has_background=True)
    assert mask.tolist() == [[UNPAINTED, UNPAINTED, UNCERTAIN, UNCERTAIN, 0, 0]]
    same = replace(ARGMAX, foreground_threshold=0.4)
    assert np.array_equal(
        apply_rule(maps, floats([0.9]), same, has_background=True),
        apply_rule(maps, floats([0.9]), ARGMAX, has_background=True),
    )
    with pytest.raises(ValueError, match=r"foreground_threshold is 0\.3, .* at least .*0\.4"):
        replace(ARGMAX, foreground_threshold=0.3)
    with pytest.raises(ValueError, match=r"foreground_threshold needs .*name=argmax, not 'paper'"):
        replace(ARGMAX, foreground_threshold=0.6, name="paper")


def test_within_the_margin_pixels_are_left_unlabelled() -> None:
    maps = floats(
        [
            [[0.0, 0.5, 1.0, 0.75, 0.1]],
            [[0.0, 1.0, 0.875, 0.25, 0.4]],
        ]
    )
    near = replace(ARGMAX, margin=0.25)
    mask = apply_rule(maps, floats([0.5, 0.5]), near, has_background=False)
    assert mask.tolist() == [[UNCERTAIN, 1, UNCERTAIN, 0, 1]]
    # The background stays what it is.
    mask = apply_rule(maps, floats([0.5, 0.5]), near, has_background=True)
    assert mask.tolist() == [[UNPAINTED, 1, UNCERTAIN, 0, 1]]
    one = apply_rule(maps[:1], floats([0.5]), near, has_background=False)
    assert (one == 0).all()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("has_background", [False, True])
def test_a_wider_margin_only_takes_labels_away(rule: str, has_background: bool) -> None:
    maps, probabilities, _ = random_case(4)
    masks = [
        apply_rule(
            maps,
            probabilities,
            replace(ARGMAX, name=rule, margin=margin),
            has_background=has_background,
        )
        for margin in (0.0, 0.1, 0.4, 1.0)
    ]
    assert not (masks[0] == UNCERTAIN).any()
    for narrow, wide in itertools.pairwise(masks):
        assert ((wide == narrow) | (wide == UNCERTAIN)).all()
        assert (wide == UNCERTAIN).sum() > (narrow == UNCERTAIN).sum()


def test_softmax_leaves_a_weak_class_weak() -> None:
    maps = floats([[[9, 8], [9, 9]], [[0, 1], [0, 0]]])
    present, probabilities = np.array([True, True]), floats([0.9, 0.9])
    assert not masked(maps, probabilities, present, "softmax", (2, 2)).any()
    assert masked(maps, probabilities, present, "argmax", (2, 2)).any()


def test_softmax_knows_the_background_from_the_odds_against_it() -> None:
    scores = floats([[[3, -1], [0.5, 200]], [[1, -2], [1, -200]]])
    maps = np.logaddexp(0, scores)  # as the source of maps gives them
    probabilities = class_probabilities(maps, has_background=True)
    odds = np.exp(scores[:, 0])
    np.testing.assert_allclose(probabilities[:, 0], odds / (1 + odds.sum(axis=0)), rtol=1e-4)
    assert np.isfinite(probabilities).all()
    ones = floats([1, 1])
    config = replace(ARGMAX, name="softmax")
    painted = apply_rule(probabilities, ones, config, has_background=True)
    assert painted.tolist() == [[0, UNPAINTED], [1, 0]]
    unsure = apply_rule(probabilities, ones, replace(config, margin=0.5), has_background=True)
    assert unsure.tolist() == [[0, UNCERTAIN], [UNCERTAIN, 0]]


def test_softmax_leaves_what_one_weak_class_cannot_claim() -> None:
    maps = np.logaddexp(0, floats([[[2.0, -2.0]]]))
    shares = class_probabilities(maps, has_background=True)
    config = replace(ARGMAX, name="softmax", margin=0.1)
    painted = apply_rule(shares, floats([1]), config, has_background=True)
    assert painted.tolist() == [[0, UNPAINTED]]

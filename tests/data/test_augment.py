from __future__ import annotations

import pickle
import random

import numpy as np
import pytest
import torch
from monai.data.meta_obj import get_track_meta, set_track_meta

from wsss.data.augment import AugmentConfig, augment
from wsss.errors import UserError

OFF = AugmentConfig(flip_horizontal=False, flip_vertical=False, rotate90=False, min_scale=1.0)
TURNS = AugmentConfig(flip_horizontal=True, flip_vertical=True, rotate90=True, min_scale=1.0)
ALL = AugmentConfig(flip_horizontal=True, flip_vertical=True, rotate90=True, min_scale=0.5)


def pair(side: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.arange(side * side, dtype=torch.uint8).reshape(side, side) % 251
    return torch.stack([mask.float(), -mask.float()]), mask


def numpy_state() -> bytes:
    return pickle.dumps(np.random.get_state())


def test_all_off_changes_nothing() -> None:
    image, mask = pair()
    found, found_mask = augment(image, mask, OFF, 3)
    assert torch.equal(found, image)
    assert found_mask is not None and torch.equal(found_mask, mask)


def test_image_and_mask_move_alike() -> None:
    image, mask = pair()
    for seed in range(40):
        found, found_mask = augment(image, mask, TURNS, seed)
        assert found_mask is not None
        assert torch.equal(found[0], found_mask.float())
        assert torch.equal(found[1], -found_mask.float())
        assert (found.dtype, found_mask.dtype) == (image.dtype, mask.dtype)


def test_every_symmetry_of_the_square_comes_up() -> None:
    image, _ = pair(4)
    seen = [augment(image, None, TURNS, seed)[0].numpy().tobytes() for seed in range(400)]
    counts = np.unique(seen, return_counts=True)[1]
    assert len(counts) == 8
    assert counts.min() > 25 and counts.max() < 85  # 50 each on average


@pytest.mark.parametrize(("switch", "dims"), [("flip_horizontal", (2,)), ("flip_vertical", (1,))])
def test_a_single_switch_does_what_it_says(switch: str, dims: tuple[int, ...]) -> None:
    image, _ = pair()
    config = AugmentConfig(
        flip_horizontal=switch == "flip_horizontal",
        flip_vertical=switch == "flip_vertical",
        rotate90=False,
        min_scale=1.0,
    )
    changed = 0
    for seed in range(60):
        found, _ = augment(image, None, config, seed)
        flipped = torch.equal(found, image.flip(dims))
        assert flipped or torch.equal(found, image)
        changed += flipped
    assert 15 < changed < 45


def test_crops_keep_size_and_stay_aligned() -> None:
    side = 32
    ramp = torch.arange(side).float()[None, None].expand(1, side, side)
    mask = torch.arange(side, dtype=torch.int64)[None].expand(side, side)
    config = AugmentConfig(
        flip_horizontal=False, flip_vertical=False, rotate90=False, min_scale=0.5
    )
    extents = []
    for seed in range(60):
        found, found_mask = augment(ramp, mask, config, seed)
        assert found_mask is not None
        assert found.shape == (1, side, side) and found_mask.shape == (side, side)
        assert found_mask.dtype == torch.int64
        assert (found[0] - found_mask).abs().max() <= 0.5 + 1e-4  # nearest of the same place
        assert found_mask.min() >= 0 and found_mask.max() < side
        extents.append(int(found_mask.max() - found_mask.min()) + 1)
    assert min(extents) >= side / 2 and max(extents) > 0.9 * side
    assert len(set(extents)) > 8


def test_depends_on_the_seed_alone_and_disturbs_nothing() -> None:
    image, mask = pair()
    set_track_meta(True)
    results = []
    for history in (0, 1):
        torch.manual_seed(history)
        np.random.seed(history)
        random.seed(history)
        before = (torch.get_rng_state(), numpy_state(), random.getstate())
        results.append([augment(image, mask, ALL, seed) for seed in (0, 1, 2, 2**31 - 1)])
        after = (torch.get_rng_state(), numpy_state(), random.getstate())
        assert torch.equal(before[0], after[0]) and before[1:] == after[1:]
    for (image_a, mask_a), (image_b, mask_b) in zip(*results, strict=True):
        assert torch.equal(image_a, image_b)
        assert mask_a is not None and mask_b is not None and torch.equal(mask_a, mask_b)
    assert not torch.equal(results[0][0][0], results[0][1][0])
    assert get_track_meta()
    assert type(results[0][0][0]) is torch.Tensor


def test_the_image_is_the_same_with_and_without_its_mask() -> None:
    image, mask = pair()
    for seed in range(10):
        alone, none = augment(image, None, ALL, seed)
        assert none is None
        assert torch.equal(alone, augment(image, mask, ALL, seed)[0])


def test_the_input_is_left_alone() -> None:
    image, mask = pair()
    kept = image.clone(), mask.clone()
    for seed in range(5):
        augment(image, mask, ALL, seed)
    assert torch.equal(image, kept[0]) and torch.equal(mask, kept[1])


@pytest.mark.parametrize("min_scale", [0.0, -1.0, 1.01])
def test_scale_is_checked(min_scale: float) -> None:
    with pytest.raises(UserError, match=r"augment\.min_scale"):
        AugmentConfig(False, False, False, min_scale)

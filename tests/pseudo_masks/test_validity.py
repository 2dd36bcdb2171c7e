"""Pixels without data change nothing elsewhere, and are left unlabelled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from wsss.data.types import IGNORE_INDEX, DatasetInfo
from wsss.maps.storage import ImageMaps
from wsss.pseudo_masks.candidates import find_candidates
from wsss.pseudo_masks.config import PseudoMaskConfig
from wsss.pseudo_masks.painting import apply_rule, paint
from wsss.pseudo_masks.rules.registry import RULES

INFO = DatasetInfo(
    name="toy",
    classes=("a", "b", "c"),
    palette=((1, 1, 1),) * 3,
    bands=("x", "y"),
    multi_label=True,
    display_bands=(0, 1, 1),
    display_range=(0, 1),
    background=None,
)
RULE = PseudoMaskConfig("argmax", "given", 0.5, 0.4, None, 0.0, "none", 3, [1, 2], False)
VALID = np.ones((12, 16), bool)
VALID[:, :5] = False
VALID[8, 9] = False


class OneImage:
    """An image with pixels that hold no data."""

    def __init__(self, info: DatasetInfo, valid: NDArray[np.bool_]) -> None:
        self.info, self.image = info, np.random.default_rng(1).random((2, 12, 16), np.float32)
        self.image[:, ~valid] = np.nan

    def size(self, image_id: str) -> tuple[int, int]:
        return (12, 16)

    def read_image(self, image_id: str) -> NDArray[np.float32]:
        return self.image


def painted(
    settings: PseudoMaskConfig, info: DatasetInfo, valid: NDArray[np.bool_], under: float = 0.5
) -> NDArray[np.uint8]:
    """The mask, with ``under`` in the maps where no pixel holds data."""
    maps = np.random.default_rng(2).random((3, 12, 16), np.float32)
    maps[:, ~valid] = under
    dataset: Any = OneImage(info, valid)
    found = find_candidates(
        dataset,
        ImageMaps("a", maps, np.array([0.9, 0.2, 0.7], np.float32)),
        labels=np.ones(3, np.float32),
        settings=settings,
        device=torch.device("cpu"),
    )
    return paint(found, settings, info)


@pytest.mark.parametrize("refine", ["none", "pamr"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_what_lies_under_nodata_changes_nothing(rule: str, refine: str, margin: float) -> None:
    settings = replace(RULE, name=rule, refine=refine, margin=margin)
    masks = [painted(settings, INFO, VALID, under) for under in (0.0, 0.5, 1.0, 50.0)]
    for mask in masks:
        assert np.array_equal(mask, masks[0])
    assert (masks[0][~VALID] == IGNORE_INDEX).all()
    if margin == 0:
        assert (masks[0][VALID] < 3).all()


@pytest.mark.parametrize("refine", ["none", "pamr"])
@pytest.mark.parametrize("rule", RULES)
def test_an_image_without_any_data(rule: str, refine: str) -> None:
    settings = replace(RULE, name=rule, refine=refine)
    assert (painted(settings, INFO, np.zeros_like(VALID)) == IGNORE_INDEX).all()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("has_background", [True, False])
def test_validity_of_every_pixel_changes_no_bit(rule: str, has_background: bool) -> None:
    settings = replace(RULE, name=rule, margin=0.05)
    maps = np.random.default_rng(3).random((3, 12, 16), np.float32)
    probabilities = np.array([0.9, 0.2, 0.7], np.float32)
    plain = apply_rule(maps, probabilities, settings, has_background=has_background)
    known = np.ones((12, 16), bool)
    same = apply_rule(maps, probabilities, settings, has_background=has_background, valid=known)
    assert np.array_equal(plain, same)

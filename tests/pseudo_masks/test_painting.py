"""From maps to masks: who may appear, at what size, in which class indices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from wsss.data.types import DatasetInfo, Image
from wsss.maps.storage import ImageMaps
from wsss.pseudo_masks.candidates import Candidates, find_candidates
from wsss.pseudo_masks.config import PseudoMaskConfig
from wsss.pseudo_masks.painting import paint
from wsss.pseudo_masks.rules.registry import RULES

RULE = PseudoMaskConfig("argmax", "given", 0.5, 0.4, None, 0.0, "none", 3, [1, 2], False)
INFO = DatasetInfo(
    name="toy",
    classes=("cat", "ground", "dog", "cow"),
    palette=((0, 0, 0),) * 4,
    bands=("gray",),
    multi_label=True,
    display_bands=(0, 0, 0),
    display_range=(0.0, 1.0),
    background=1,
)


class OneImage:
    """The part of a dataset that maps are painted with."""

    def __init__(self, info: DatasetInfo) -> None:
        self.info, self.reads = info, 0

    def size(self, image_id: str) -> tuple[int, int]:
        return (6, 8)

    def read_image(self, image_id: str) -> Image:
        self.reads += 1
        image = np.zeros((1, 6, 8), np.float32)
        image[:, :, 5:] = 1
        return image


def image_maps(seed: int = 0) -> ImageMaps:
    rng = np.random.default_rng(seed)
    maps = rng.random((3, 3, 4)).astype(np.float32)
    return ImageMaps("a", maps, np.array([0.9, 0.2, 0.7], np.float32))


def labels(*shown: int) -> Any:
    return np.isin(np.arange(3), shown).astype(np.float32)


def candidates(dataset: Any, maps: ImageMaps, shown: Any, rule: PseudoMaskConfig) -> Candidates:
    cpu = torch.device("cpu")
    return find_candidates(dataset, maps, labels=shown, settings=rule, device=cpu)


def test_candidates_are_the_classes_that_may_appear() -> None:
    dataset: Any = OneImage(INFO)
    found = candidates(dataset, image_maps(), labels(0, 1), RULE)
    assert found.classes.tolist() == [0, 2] and found.maps.shape == (2, 6, 8)
    assert found.probabilities.tolist() == pytest.approx([0.9, 0.2])
    predicted = replace(RULE, image_labels="predicted")
    assert candidates(dataset, image_maps(), labels(1), predicted).classes.tolist() == [0, 3]
    assert dataset.reads == 2  # once each, for the pixels that hold data


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("background", [1, None])
def test_masks_hold_classes_that_may_appear_and_the_background(
    rule: str, background: int | None
) -> None:
    info = replace(INFO, background=background)
    dataset: Any = OneImage(info)
    number = len(info.image_classes)
    maps = image_maps()
    if background is None:
        maps = maps._replace(
            attention=np.concatenate([maps.attention, maps.attention[:1] ** 2]),
            probabilities=np.ones(4, np.float32),
        )
    shown = (np.arange(number) >= 1).astype(np.float32)
    found = candidates(dataset, maps, shown, replace(RULE, name=rule))
    mask = paint(found, replace(RULE, name=rule), info)
    assert mask.dtype == np.uint8 and mask.shape == (6, 8)
    allowed = {info.image_classes[i] for i in range(1, number)}
    assert set(np.unique(mask).tolist()) <= allowed | ({background} - {None})
    assert (background in mask) == (background is not None)


def test_an_image_without_labels_is_background() -> None:
    dataset: Any = OneImage(INFO)
    for refine in ("none", "pamr"):
        rule = replace(RULE, refine=refine)
        found = candidates(dataset, image_maps(), labels(), rule)
        assert found.maps.shape == (0, 6, 8)
        assert (paint(found, rule, INFO) == 1).all()


def test_unlabelled_pixels_are_255() -> None:
    dataset: Any = OneImage(INFO)
    band = replace(RULE, foreground_threshold=0.8)
    found = candidates(dataset, image_maps(), labels(0, 2), band)
    sure, all_of_it = paint(found, band, INFO), paint(found, RULE, INFO)
    assert set(np.unique(sure).tolist()) == {0, 1, 3, 255}
    assert np.array_equal(sure == 1, all_of_it == 1)  # the background is what it was
    assert np.array_equal(sure[sure != 255], all_of_it[sure != 255])


def test_refined_maps_follow_the_image() -> None:
    dataset: Any = OneImage(INFO)
    maps = image_maps()
    maps.attention[0] = np.linspace(0, 1, 4)  # rises to the right
    plain = candidates(dataset, maps, labels(0), RULE).maps
    refined = candidates(dataset, maps, labels(0), replace(RULE, refine="pamr")).maps
    assert refined.shape == plain.shape and refined.dtype == np.float32
    steps = np.diff(refined[0], axis=1).mean(axis=0)
    assert steps.argmax() == 4 and steps[4] > 3 * np.delete(steps, 4).max()  # the image's edge
    constant = maps._replace(attention=np.full((3, 3, 4), 0.3, np.float32))
    flat = candidates(dataset, constant, labels(0, 1), replace(RULE, refine="pamr")).maps
    assert (flat == 0).all()

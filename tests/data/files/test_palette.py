from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image as Pillow

from wsss.data.files.palette import distinct_colours, voc_colours


@pytest.mark.parametrize("count", [1, 2, 8, 21, 150, 254])
def test_colours_are_distinct(count: int) -> None:
    colours = distinct_colours(count)
    assert len(set(colours)) == count
    assert all(0 <= value <= 255 for colour in colours for value in colour)
    assert distinct_colours(count) == colours


def test_colours_of_voc() -> None:
    colours = voc_colours(256)
    assert colours[:3] == ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    assert (colours[15], colours[20], colours[255]) == (
        (192, 128, 128),
        (0, 64, 128),
        (224, 224, 192),
    )


def test_colours_of_a_genuine_voc_mask(samples: Path) -> None:
    path = samples / "voc2012_sample/VOCdevkit/VOC2012/SegmentationClass/2007_000063.png"
    with Pillow.open(path) as picture:
        palette = picture.getpalette()
    assert palette == [channel for colour in voc_colours(256) for channel in colour]

"""Semantic masks from COCO's instance annotations."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsss.data.datasets.coco_annotations import AnnotatedImage
from wsss.data.types import IGNORE_INDEX, Mask
from wsss.errors import UserError

Region = NDArray[np.bool_]
_MOST_BITS = 60


def paint(image: AnnotatedImage, *, ignore_crowds: bool) -> Mask:
    """Class indices ``[H, W]`` of the size stated in the annotation file, background 0.

    Crowd regions are painted first, then objects; in both groups larger regions come first, so
    that smaller ones lie on top. Regions of equal size are painted by ascending annotation id.

    Args:
        image: with segmentations.
        ignore_crowds: whether crowd regions become `IGNORE_INDEX` instead of their class.

    Raises:
        UserError: names the annotation whose polygons or run lengths are broken.
    """
    regions = []
    for annotation in image.annotations:
        try:
            region = _region(annotation.segmentation, image.size)
        except ValueError as error:
            raise UserError(f"annotation {annotation.annotation_id}: {error}") from error
        order = (not annotation.crowd, -int(region.sum()), annotation.annotation_id)
        ignored = annotation.crowd and ignore_crowds
        regions.append((order, region, IGNORE_INDEX if ignored else annotation.class_index))
    mask = np.zeros(image.size, np.uint8)
    for _, region, value in sorted(regions, key=lambda item: item[0]):
        mask[region] = value
    return mask


def _region(segmentation: Any, size: tuple[int, int]) -> Region:
    """Pixels ``[H, W]`` of a segmentation; ValueError if it is invalid."""
    if isinstance(segmentation, dict):
        return _from_runs(segmentation, size)
    if isinstance(segmentation, list) and all(isinstance(part, array) for part in segmentation):
        return _from_polygons(segmentation, size)
    raise ValueError("its segmentation is neither a list of polygons nor run lengths")


def _from_polygons(polygons: list[array[float]], size: tuple[int, int]) -> Region:
    from pycocotools import mask as coco_mask  # needed for evaluation only

    if any(len(polygon) % 2 for polygon in polygons):
        raise ValueError("a polygon with an odd number of coordinates")
    # Two corners enclose no pixel, and pycocotools takes four numbers for a box.
    areas = [polygon for polygon in polygons if len(polygon) >= 6]
    if not areas:
        raise ValueError("no polygon with three corners or more")
    # pycocotools traces lines far outside the image, and does not return for NaN.
    if not (np.abs(np.concatenate(areas)) <= 2 * max(size)).all():
        raise ValueError(f"a polygon that extends far outside its image of {size[0]} x {size[1]}")
    merged = coco_mask.merge(coco_mask.frPyObjects(areas, *size))
    return _from_runs(merged | {"counts": merged["counts"].decode()}, size)


def _from_runs(rle: dict[str, Any], size: tuple[int, int]) -> Region:
    """Decode runs of pixels, alternately outside and inside, column by column.

    pycocotools returns garbage or crashes if the runs do not fill the image.
    """
    counts = rle.get("counts")
    runs = _decompress(counts) if isinstance(counts, str) else counts
    if rle.get("size") != list(size):
        raise ValueError(f"run lengths for size {rle.get('size')!r}, its image has {list(size)}")
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise ValueError("run lengths that are not integers of 0 or more")
    if sum(runs) != size[0] * size[1]:
        raise ValueError(f"run lengths for {sum(runs)} pixels, its image has {size[0] * size[1]}")
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(size[::-1]).T


def _decompress(text: str) -> list[int]:
    """Decode run lengths in COCO's text form; ValueError for any other text.

    A character holds five bits of a number, lowest first, and a sixth bit that is set if the number
    continues. The highest bit of a number is its sign. From the fourth number on, each is the
    difference from the run two positions earlier.
    """
    if not all(0 <= ord(character) - 48 < 64 for character in text):
        raise ValueError("run lengths with a character that COCO does not use")
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        value |= (bits & 31) << shift
        shift += 5
        if shift > _MOST_BITS:  # a number of any length would take quadratic time
            raise ValueError("run lengths with a number larger than any image")
        if not bits & 32:
            value -= (1 << shift) if bits & 16 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("run lengths that are truncated")
    return runs

"""A tiny COCO: polygons, crowds as run lengths, an image without annotation."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable
from itertools import count, groupby
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow

from helpers.copies.drawing import Pixels, cut_short, scene
from wsss.data.datasets.coco_categories import CATEGORIES, CLASS_OF

OVERRIDES = ("dataset.val_images=4",)
TRAIN = tuple(range(9, 9 + 12 * 16, 16))
VAL = tuple(range(139, 139 + 6 * 146, 146))
SHOWN = (1, 18, 59)  # person, dog, pizza
UNANNOTATED = TRAIN[5]
CROWDED = (TRAIN[2], TRAIN[8], VAL[2])
SIZES = ((32, 48), (48, 36), (30, 30), (24, 44))

_SUPER = {1: "person", 9: "vehicle", 15: "outdoor", 25: "animal", 33: "accessory", 43: "sports"} | {
    51: "kitchen", 61: "food", 70: "furniture", 77: "electronic", 82: "appliance", 90: "indoor"
}  # fmt: skip


def make(root: Path, year: int = 2017) -> None:
    """Twelve training and six validation images with one or two objects each."""
    rng, ids = np.random.default_rng(0), count(500)
    (root / "annotations").mkdir(parents=True)
    for part, numbers in (("train", TRAIN), ("val", VAL)):
        folder = f"{part}{year}"
        (root / folder).mkdir()
        images, annotations = [], []
        for index, number in enumerate(numbers):
            shown = [SHOWN[index % 3]] + ([SHOWN[(index + 1) % 3]] if index % 2 == 0 else [])
            shown = [] if number == UNANNOTATED else shown
            size = SIZES[index % len(SIZES)]
            rgb, mask = scene(rng, size, [0, *(CLASS_OF[category] for category in shown)])
            name = f"{number:012}.jpg" if year == 2017 else f"COCO_{folder}_{number:012}.jpg"
            Pillow.fromarray(rgb).save(root / folder / name, quality=95)
            images.append(_image(number, name, size))
            for category in shown:
                crowd = number in CROWDED and category == shown[-1]
                region = mask == CLASS_OF[category]
                annotations.append(_annotation(next(ids), number, category, region, crowd))
        content = {
            "info": {"description": f"COCO {year} Dataset", "version": "1.0", "year": year},
            "licenses": [{"url": "http://example.org", "id": 1, "name": "A licence"}],
            "images": images,
            "annotations": annotations,
            "categories": [_category(category_id) for category_id in CATEGORIES],
        }
        annotation_file(root, part, year).write_text(json.dumps(content))


def annotation_file(root: Path, part: str, year: int = 2017) -> Path:
    return root / "annotations" / f"instances_{part}{year}.json"


def edit(part: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """A fault: what the annotation file of a part holds is changed in place."""

    def spoil(root: Path) -> None:
        path = annotation_file(root, part)
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return spoil


def run_lengths(region: Pixels) -> list[int]:
    """Lengths of runs down the columns, the first one outside."""
    runs = [(inside, len(list(run))) for inside, run in groupby(region.T.ravel().tolist())]
    return ([0] if runs[0][0] else []) + [length for _, length in runs]


def _image(number: int, name: str, size: tuple[int, int]) -> dict[str, Any]:
    return {
        "license": 1,
        "file_name": name,
        "coco_url": f"http://example.org/{name}",
        "height": size[0],
        "width": size[1],
        "date_captured": "2013-11-14 11:18:45",
        "flickr_url": f"http://example.org/{name}",
        "id": number,
    }


def _annotation(
    annotation_id: int, number: int, category: int, region: Any, crowd: bool
) -> dict[str, Any]:
    rows, columns = np.nonzero(region)
    left, right = int(columns.min()), int(columns.max()) + 1
    top, bottom = int(rows.min()), int(rows.max()) + 1
    corners = [float(v) for v in (left, top, right, top, right, bottom, left, bottom)]
    runs = {"counts": run_lengths(region), "size": list(region.shape)}
    return {
        "segmentation": runs if crowd else [corners],
        "area": float(len(rows)),
        "iscrowd": int(crowd),
        "image_id": number,
        "bbox": [left, top, right - left, bottom - top],
        "category_id": category,
        "id": annotation_id,
    }


def _category(category_id: int) -> dict[str, Any]:
    last = list(_SUPER)[bisect_left(list(_SUPER), category_id)]
    return {
        "supercategory": _SUPER[last],
        "id": category_id,
        "name": CATEGORIES[category_id],
    }


def _repeat_first(content: dict[str, Any], key: str) -> None:
    content[key].append(content[key][0])


def _set(key: str, index: int, **values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda content: content[key][index].update(values)


_PICTURE = f"train2017/{TRAIN[4]:012}.jpg"
FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no pictures": (
        lambda root: (root / "val2017").rename(root / "val"),
        ("val2017", "no such folder"),
    ),
    "no annotations": (
        lambda root: annotation_file(root, "train").unlink(),
        ("instances_train2017.json", "no such annotation file"),
    ),
    "annotations cut short": (
        lambda root: cut_short(annotation_file(root, "train")),
        ("instances_train2017.json", "truncated or not JSON"),
    ),
    "other categories": (
        edit("val", _set("categories", 11, name="street sign")),
        ("instances_val2017.json", "category 13", "'street sign'", "'stop sign'"),
    ),
    "category gone": (
        edit("train", lambda content: content["categories"].pop()),
        ("instances_train2017.json", "category 90", "'toothbrush'"),
    ),
    "image twice": (
        edit("train", lambda content: _repeat_first(content, "images")),
        ("instances_train2017.json", f"image {TRAIN[0]}", "duplicate"),
    ),
    "annotation twice": (
        edit("train", lambda content: _repeat_first(content, "annotations")),
        ("instances_train2017.json", "annotation 500", "duplicate"),
    ),
    "annotation of no image": (
        edit("train", _set("annotations", 3, image_id=7)),
        ("instances_train2017.json", "annotation 503", "image_id 7"),
    ),
    "annotation of no category": (
        edit("train", _set("annotations", 3, category_id=12)),
        ("instances_train2017.json", "annotation 503", "category_id 12"),
    ),
    "no picture": (lambda root: (root / _PICTURE).unlink(), (_PICTURE, "no such file")),
    "picture cut short": (lambda root: cut_short(root / _PICTURE), (_PICTURE, "broken")),
    "half a corner": (
        edit("val", lambda content: content["annotations"][0]["segmentation"][0].pop()),
        ("instances_val2017.json", "annotation 517", "odd number"),
    ),
    "runs that do not fill the picture": (
        edit("val", lambda content: _crowd(content)["segmentation"]["counts"].pop()),
        ("instances_val2017.json", "run lengths for", "its image has 900"),
    ),
    "picture of another size": (
        edit("val", _set("images", 0, height=33)),
        (f"{VAL[0]:012}.jpg", "(32, 48)", "(33, 48)"),
    ),
}


def _crowd(content: dict[str, Any]) -> Any:
    return next(entry for entry in content["annotations"] if entry["iscrowd"])

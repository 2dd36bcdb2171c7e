from __future__ import annotations

import json
import random
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.copies import coco as copy
from helpers.dataset_yaml import configured
from PIL import Image as Pillow

from wsss.data.base import IndexRow
from wsss.data.datasets.coco import CocoConfig, CocoDataset
from wsss.data.datasets.coco_annotations import AnnotatedImage, Annotation, read_annotations
from wsss.data.datasets.coco_categories import CATEGORIES, CLASS_OF
from wsss.data.datasets.coco_masks import paint
from wsss.data.types import SPLITS
from wsss.errors import UserError

VAL = tuple(f"{number:012}" for number in copy.VAL)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    copy.make(tmp_path / "coco")
    return tmp_path / "coco"


def opened(root: Path, /, **changes: object) -> CocoDataset:
    return CocoDataset(configured(CocoConfig, "coco", root, **({"val_images": 4} | changes)))


def everything(data: CocoDataset) -> list[IndexRow]:
    return [entry for split in SPLITS for entry in data.index(split)]


def names(data: CocoDataset, image_id: str) -> list[str]:
    return [data.info.classes[index] for index in data.record(image_id).labels]


def test_category_ids_lose_their_gaps() -> None:
    assert len(CATEGORIES) == 80 and list(CLASS_OF.values()) == list(range(1, 81))
    known = {1: 1, 11: 11, 13: 12, 25: 24, 27: 25, 44: 40, 65: 60, 67: 61, 90: 80}
    assert {category: CLASS_OF[category] for category in known} == known


def test_images_labels_and_masks(root: Path) -> None:
    data = opened(root)
    assert len(data.info.classes) == 81 and data.info.background == 0 and data.info.multi_label
    assert data.info.classes[:2] == ("background", "person")
    assert [data.info.classes[i] for i in (12, 40, 80)] == ["stop sign", "bottle", "toothbrush"]
    assert len(set(data.info.palette)) == 81 and data.info.palette[0] == (0, 0, 0)
    assert data.labels("train").shape == (8, 80)  # no column for the background
    assert [len(data.ids(split)) for split in SPLITS] == [8, 4, 6]
    assert data.ids("test") == VAL
    assert data.counts() == {"train2017": (12, 118287), "val2017": (6, 5000)}
    read_mask = data.open_masks()
    for image_id in (i for split in SPLITS for i in data.ids(split)):
        mask, image = read_mask(image_id), data.read_image(image_id)
        assert image.shape == (3, *mask.shape) and data.size(image_id) == mask.shape
        assert set(data.record(image_id).labels) == set(np.unique(mask)) - {0}
        assert data.has_mask(image_id) and data.georeference(image_id) is None
        for index in data.record(image_id).labels:  # an object of one colour under its class
            assert image[:, mask == index].std(axis=1).max() < 40
    assert names(data, VAL[0]) == ["person", "dog"] and names(data, VAL[1]) == ["dog"]


def test_the_files_of_2014(tmp_path: Path) -> None:
    copy.make(tmp_path, 2014)
    data = opened(tmp_path, year=2014)
    assert data.ids("test")[0] == "COCO_val2014_000000000139"
    assert set(data.counts()) == {"train2014", "val2014"}
    assert [count.expected for count in data.counts().values()] == [82783, 40504]
    assert data.open_masks()(data.ids("train")[0]).any()
    with pytest.raises(UserError, match="train2017: no such folder"):
        opened(tmp_path)


def test_images_without_annotation(root: Path) -> None:
    image_id = f"{copy.UNANNOTATED:012}"
    data = opened(root)
    assert data.record(image_id).labels == ()
    assert not data.open_masks()(image_id).any()
    dropped = opened(root, unlabelled="drop")
    ids = [{i for split in SPLITS for i in d.ids(split)} for d in (data, dropped)]
    assert ids[0] - ids[1] == {image_id}
    assert dropped.counts() == data.counts()  # of what the providers list


def test_crowds(root: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        crowded = copy.CROWDED[2]
        entries = content["annotations"]
        content["annotations"] = [e for e in entries if e["image_id"] != crowded or e["iscrowd"]]

    copy.edit("val", change)(root)
    image_id = f"{copy.CROWDED[2]:012}"
    as_class, ignored = opened(root), opened(root, crowd="ignore")
    assert len(as_class.record(image_id).labels) == 1
    (index,) = as_class.record(image_id).labels
    mask = as_class.open_masks()(image_id)
    assert set(np.unique(mask)) == {0, index}
    assert ignored.record(image_id).labels == ()
    assert np.array_equal(ignored.open_masks()(image_id), np.where(mask == index, 255, 0))
    dropped = opened(root, crowd="ignore", unlabelled="drop")
    assert image_id not in dropped.ids("test")


def square(number: int, index: int, left: int, side: int, crowd: bool = False) -> Annotation:
    right = left + side
    corners = array("d", [left, left, right, left, right, right, left, right])
    return Annotation(number, index, crowd, [corners])


def test_overlaps() -> None:
    marked = [
        square(7, 1, 2, 4),
        square(3, 2, 0, 8),
        square(9, 3, 6, 4),  # as large as the first: the higher id lies on top
        square(8, 4, 4, 4),
        square(1, 5, 7, 2, crowd=True),  # under everything, though the smallest
        square(2, 6, 8, 4, crowd=True),
    ]
    expected = np.zeros((12, 12), np.uint8)
    expected[8:12, 8:12] = 6
    expected[7:9, 7:9] = 5
    expected[0:8, 0:8] = 2
    expected[2:6, 2:6] = 1
    expected[4:8, 4:8] = 4
    expected[6:10, 6:10] = 3
    for seed in range(4):
        random.Random(seed).shuffle(marked)
        image = AnnotatedImage("a.jpg", (12, 12), marked)
        assert np.array_equal(paint(image, ignore_crowds=False), expected)
    ignored = paint(AnnotatedImage("a.jpg", (12, 12), marked), ignore_crowds=True)
    assert np.array_equal(ignored == 255, np.isin(expected, (5, 6)))


@pytest.mark.parametrize("seed", range(8))
def test_run_lengths_of_either_form(seed: int) -> None:
    from pycocotools import mask as coco_mask

    rng = np.random.default_rng(seed)
    size = (int(rng.integers(1, 90)), int(rng.integers(1, 90)))
    region = rng.random(size) < (0.0, 1.0, 0.5, 0.02)[seed % 4]
    text = coco_mask.encode(np.asfortranarray(region, np.uint8))["counts"].decode()
    for counts in (text, copy.run_lengths(region.astype(np.uint8))):
        annotation = Annotation(1, 4, True, {"counts": counts, "size": list(size)})
        mask = paint(AnnotatedImage("a.jpg", size, [annotation]), ignore_crowds=False)
        assert np.array_equal(mask, 4 * region)


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        (None, "neither a list of polygons"),
        ("1 1 3 3", "neither a list of polygons"),
        ([1, 1, 3, 3, 1, 3], "neither a list of polygons"),
        ([["1", "1", "3", "3", "1", "3"]], "neither a list of polygons"),
        ([], "no polygon with three corners"),
        ([[1, 1, 3, 3]], "no polygon with three corners"),
        ([[1, 1, 3, 3, 1, 3, 2]], "odd number"),
        ([[1, 1, 3, 3, 1, float("nan")]], "far out"),
        ([[1, 1, 3, 3, 1e12, 1]], "far out"),
        ({"counts": [4, 4, 991], "size": [30, 30]}, "999 pixels"),
        ({"counts": [4, 4], "size": [30, 30]}, "8 pixels"),
        ({"counts": [4, 900, -4], "size": [30, 30]}, "not integers"),
        ({"counts": [4.5, 895.5], "size": [30, 30]}, "not integers"),
        ({"counts": [4, 396], "size": [20, 20]}, "size"),
        ({"counts": "", "size": [30, 30]}, "0 pixels"),
        ({"counts": "4lL", "size": [30, 30]}, "not integers"),
        ({"counts": "4l", "size": [30, 30]}, "truncated"),
        ({"counts": "\x01é", "size": [30, 30]}, "character that COCO does not use"),
        ({"size": [30, 30]}, "not integers"),
    ],
)
def test_broken_segmentations(root: Path, segmentation: object, words: str) -> None:
    def change(content: dict[str, Any]) -> None:
        images = {i["id"] for i in content["images"] if (i["height"], i["width"]) == (30, 30)}
        entry = next(e for e in content["annotations"] if e["image_id"] in images)
        entry |= {"segmentation": segmentation, "id": 77}

    before = everything(opened(root))
    copy.edit("val", change)(root)
    data = opened(root)  # which does not look at it
    assert everything(data) == before
    read_mask, broken = data.open_masks(), []
    for image_id in data.ids("test"):
        try:
            read_mask(image_id)
        except UserError as error:
            broken.append(str(error))
    assert len(broken) == 1 and "instances_val2017.json" in broken[0]
    assert "annotation 77: " in broken[0] and words in broken[0] and "\n" not in broken[0]


def test_two_corners_beside_a_polygon_enclose_nothing(root: Path) -> None:
    before = opened(root).open_masks()(VAL[0])

    def change(content: dict[str, Any]) -> None:
        content["annotations"][0]["segmentation"].insert(0, [1, 1, 20, 20])

    copy.edit("val", change)(root)
    assert np.array_equal(opened(root).open_masks()(VAL[0]), before)


def test_held_out_images_depend_on_ids_alone(root: Path) -> None:
    before = opened(root)

    def change(content: dict[str, Any]) -> None:
        random.Random(0).shuffle(content["images"])
        random.Random(0).shuffle(content["annotations"])

    copy.edit("train", change)(root)
    after = opened(root)
    assert after.ids("train") != before.ids("train")
    assert set(after.ids("val")) == set(before.ids("val"))
    assert sorted(everything(after)) == sorted(everything(before))
    with pytest.raises(UserError, match=r"dataset\.val_images is 12, it must lie in 1\.\.11"):
        opened(root, val_images=12)


def test_no_polygon_is_needed_before_masks_are_opened(root: Path) -> None:
    before = everything(opened(root))

    def change(content: dict[str, Any]) -> None:
        for entry in content["annotations"]:
            del entry["segmentation"], entry["bbox"], entry["area"]

    for part in ("train", "val"):
        copy.edit(part, change)(root)
    data = opened(root)
    assert everything(data) == before
    with pytest.raises(UserError, match=r"annotation 517: its segmentation is neither"):
        data.open_masks()(VAL[0])


def test_no_polygon_is_kept_before_masks_are_opened(root: Path) -> None:
    images = read_annotations(copy.annotation_file(root, "train"), segmentations=False)
    marked = [annotation for image in images.values() for annotation in image.annotations]
    assert len(marked) == 17 and {annotation.segmentation for annotation in marked} == {None}
    copy.annotation_file(root, "val").rename(root / "away")
    with pytest.raises(UserError, match="no such annotation file"):
        opened(root)
    (root / "away").rename(copy.annotation_file(root, "val"))
    data = opened(root)
    copy.annotation_file(root, "val").unlink()
    with pytest.raises(UserError, match="no such annotation file"):
        data.open_masks()


Change = Callable[[dict[str, Any]], object]


def put(key: str, **values: object) -> Change:
    return lambda content: content[key][0].update(values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("annotations"), "no list 'annotations'"),
        (lambda c: c["images"].append(3), "no list 'images' of objects"),
        (lambda c: c["categories"].append({"id": 91, "name": "hat"}), "category 91 is 'hat'"),
        (put("images", id="9"), "an image has id '9', expected a whole number"),
        (put("images", file_name=None), "image 9 has file_name None"),
        (put("images", width=0), "image 9 has height and width (32, 0)"),
        (put("images", height=3.5), "image 9 has height 3.5"),
        (put("images", file_name=f"{copy.TRAIN[1]:012}.jpg"), f"image {copy.TRAIN[1]} "),
        (put("annotations", id=None), "an annotation has id None"),
        (put("annotations", category_id=[1]), "annotation 500 has category_id [1]"),
        (put("annotations", image_id={}), "annotation 500 has image_id {}"),
        (put("annotations", iscrowd="no"), "annotation 500 has iscrowd 'no', valid: 0, 1"),
    ],
)
def test_broken_annotation_files(root: Path, change: Change, words: str) -> None:
    copy.edit("train", change)(root)
    with pytest.raises(UserError) as caught:
        opened(root)
    assert words in str(caught.value) and "instances_train2017.json" in str(caught.value)


@pytest.mark.parametrize("text", ["[]", '"a"', "", '{"images": [', "\xff"])
def test_files_that_are_no_annotations(root: Path, text: str) -> None:
    copy.annotation_file(root, "val").write_text(text, "latin-1")
    with pytest.raises(
        UserError, match=r"instances_val2017\.json: (truncated|not an annotation file)"
    ):
        opened(root)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"year": 2015}, "dataset.year is '2015'; valid: 2014, 2017"),
        ({"crowd": "drop"}, "dataset.crowd is 'drop'; valid: class, ignore"),
        ({"unlabelled": "skip"}, "dataset.unlabelled is 'skip'; valid: keep, drop"),
    ],
)
def test_settings_are_checked(root: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        opened(root, **changes)


def test_a_missing_picture_is_left_out_by_name(root: Path) -> None:
    missing = f"{copy.TRAIN[4]:012}"
    (root / "train2017" / f"{missing}.jpg").unlink()
    data = opened(root, on_error="skip")
    assert list(data.quarantined) == [missing] and f"{missing}.jpg" in data.quarantined[missing]
    assert len(data.ids("train")) + len(data.ids("val")) == 11
    assert data.open_masks()(data.ids("train")[0]).any()


@pytest.fixture
def genuine(samples: Path, tmp_path: Path) -> Path:
    """Three of the six images to train on, the others to test."""
    source = samples / "coco_sample"
    content = json.loads(copy.annotation_file(source, "val").read_text())
    (tmp_path / "annotations").mkdir()
    for part, numbers in (("train", {89, 194216, 343934}), ("val", {128372, 404249, 464689})):
        (tmp_path / f"{part}2017").symlink_to(source / "val2017")
        chosen = {
            "images": [i for i in content["images"] if i["id"] in numbers],
            "annotations": [a for a in content["annotations"] if a["image_id"] in numbers],
        }
        copy.annotation_file(tmp_path, part).write_text(json.dumps(content | chosen))
    return tmp_path


def test_genuine_photographs(genuine: Path) -> None:
    data = opened(genuine, val_images=1)
    assert data.counts() == {"train2017": (3, 118287), "val2017": (3, 5000)}
    assert {i: names(data, i) for split in SPLITS for i in data.ids(split)} == {
        "000000000089": [],
        "000000194216": ["bear"],
        "000000343934": ["motorcycle"],
        "000000128372": ["person", "car", "bus", "handbag"],
        "000000404249": ["person", "skateboard"],
        "000000464689": ["bottle"],
    }
    assert data.read_image("000000404249").shape == (3, 640, 427)
    read_mask = data.open_masks()

    street = read_mask("000000128372")
    values, counts = np.unique(street, return_counts=True)
    assert street.shape == (427, 640)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {
        0: 164775, 1: 14344, 3: 141, 6: 92830, 27: 1190
    }  # fmt: skip
    # Looked up in the picture: bus, a passenger in its window, a man, a bag before its bearer, sky.
    points = ((250, 230), (235, 197), (260, 410), (279, 562), (50, 300))
    assert [int(street[point]) for point in points] == [6, 1, 1, 27, 0]
    assert data.info.palette[6] == (0, 128, 128)
    # Jacket and board, the path beside them and the sky.
    boy = read_mask("000000404249")
    assert [int(boy[p]) for p in ((250, 170), (515, 160), (600, 60), (50, 200))] == [1, 37, 0, 0]
    image = data.read_image("000000404249")
    assert image[:, 50, 200] == pytest.approx([165, 203, 240], abs=3)  # decoders may differ
    assert not read_mask("000000000089").any()


def test_a_genuine_crowd(genuine: Path) -> None:
    image_id = "000000464689"
    as_class = opened(genuine, val_images=1).open_masks()(image_id)
    ignored = opened(genuine, val_images=1, crowd="ignore")
    mask = ignored.open_masks()(image_id)
    assert names(ignored, image_id) == ["bottle"]  # other bottles are marked one by one
    assert (as_class == 40).sum() == 2534
    assert ((mask == 40).sum(), (mask == 255).sum()) == (1757, 777)
    rows, columns = np.nonzero(mask == 255)
    assert (columns.min(), rows.min()) == (131, 294)  # as its box [131, 294, 115, 126] says
    assert (columns.max(), rows.max()) == (131 + 115, 294 + 126)


def test_a_picture_of_another_size_is_named(root: Path) -> None:
    Pillow.new("RGB", (9, 9)).save(root / "val2017" / f"{VAL[2]}.jpg")
    data = opened(root)
    with pytest.raises(UserError, match=rf"{VAL[2]}\.jpg: size \(9, 9\), but .*states \(30, 30\)"):
        data.open_masks()(VAL[2])


@pytest.mark.slow
def test_run_lengths_of_any_size_take_linear_time() -> None:
    image = AnnotatedImage(
        "x.jpg", (8, 8), [Annotation(1, 1, True, {"size": [8, 8], "counts": ""})]
    )
    for text in ("o" * 3_000_000, "0" * 3_000_000):
        runs = {"size": [8, 8], "counts": text}
        broken = image._replace(annotations=[image.annotations[0]._replace(segmentation=runs)])
        with pytest.raises(UserError, match="annotation 1: run lengths"):
            paint(broken, ignore_crowds=False)


def test_what_exporters_write_otherwise(root: Path) -> None:
    path = root / "annotations" / "instances_train2017.json"
    before = everything(opened(root))
    content = json.loads(path.read_text())
    for image in content["images"]:
        image["file_name"] = f"some/folder/{image['file_name']}"
        image["height"] = float(image["height"])
    for annotation in content["annotations"]:
        if annotation["iscrowd"] == 0:
            del annotation["iscrowd"]
        annotation.pop("area", None)
    path.write_text(json.dumps(content))
    assert everything(opened(root)) == before

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.copies import cityscapes as copy
from helpers.dataset_yaml import configured
from PIL import Image as Pillow

from wsss.data.datasets.cityscapes import CityscapesConfig, CityscapesDataset, read_masks
from wsss.data.types import Split
from wsss.errors import UserError

SPLITS: tuple[Split, ...] = ("train", "val", "test")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    copy.make(tmp_path / "streets")
    return tmp_path / "streets"


def opened(root: Path, **changes: object) -> CityscapesDataset:
    settings = {"val_images": 4} | changes
    return CityscapesDataset(configured(CityscapesConfig, "cityscapes", root, **settings))


def test_images_labels_and_masks(root: Path) -> None:
    data = opened(root)
    assert len(data.info.classes) == len(set(data.info.palette)) == 19
    assert data.info.background is None and data.info.multi_label
    assert [len(data.ids(split)) for split in SPLITS] == [8, 4, 6]
    assert data.ids("test") == copy.VAL
    assert data.labels("train").shape == (8, 19)
    read_mask = data.open_masks()
    for image_id in (*data.ids("train")[:2], *data.ids("test")):
        mask, image = read_mask(image_id), data.read_image(image_id)
        assert image.shape == (3, *mask.shape) and image.max() > 100
        assert (mask[-1] == 255).all()  # the ego vehicle
        assert set(data.record(image_id).labels) == set(np.unique(mask)) - {255}
    names = [data.info.classes[k] for k in data.record(copy.VAL[2]).labels]
    assert names == ["building", "sky", "car"]
    assert data.counts() == {"train": (12, 2975), "val": (6, 500)}


def test_label_ids_become_the_classes_of_the_benchmark(root: Path) -> None:
    path = copy.mask_path(root, "val", copy.VAL[0])
    height, width = copy.SIZES[0]
    ids = np.zeros((height, width), np.uint8)
    ids[0, :34] = range(34)
    Pillow.fromarray(ids).save(path)
    data = opened(root)
    mask = data.open_masks()(copy.VAL[0])
    assert (mask[1:] == 255).all()
    scored = {
        **{7: "road", 8: "sidewalk", 11: "building", 12: "wall", 13: "fence", 17: "pole"},
        **{19: "traffic light", 20: "traffic sign", 21: "vegetation", 22: "terrain", 23: "sky"},
        **{24: "person", 25: "rider", 26: "car", 27: "truck", 28: "bus", 31: "train"},
        **{32: "motorcycle", 33: "bicycle"},
    }
    for label_id, index in enumerate(mask[0, :34]):
        name = None if index == 255 else data.info.classes[index]
        assert name == scored.get(label_id)
    assert list(scored.values()) == list(data.info.classes)  # the benchmark's own order
    colours = dict(zip(data.info.classes, data.info.palette, strict=True))
    assert colours["road"] == (128, 64, 128) and colours["car"] == (0, 0, 142)
    assert colours["sky"] == (70, 130, 180) and colours["bicycle"] == (119, 11, 32)


def test_rows_in_any_order_and_not_for_every_image(root: Path) -> None:
    before = opened(root)
    header, *rows = (root / "labels.csv").read_text().splitlines()
    elsewhere = root.parent / "mine.csv"
    elsewhere.write_text("\n".join([header, *reversed(rows)]))
    after = opened(root, labels_file=str(elsewhere))
    assert [after.ids(split) for split in SPLITS] == [before.ids(split) for split in SPLITS]
    kept = [row for row in rows if not row.startswith((copy.TRAIN[0], copy.VAL[0]))]
    elsewhere.write_text("\n".join([header, *kept]))
    fewer = opened(root, labels_file=str(elsewhere))
    assert [len(fewer.ids(split)) for split in SPLITS] == [7, 4, 5]


def test_images_without_file_may_be_left_out(root: Path) -> None:
    copy.picture_path(root, "train", copy.TRAIN[7]).unlink()
    copy.mask_path(root, "val", copy.VAL[1]).unlink()
    data = opened(root, on_error="skip")
    assert list(data.quarantined) == [copy.TRAIN[7]]
    assert [len(data.ids(split)) for split in SPLITS] == [7, 4, 6]
    assert [data.has_mask(image_id) for image_id in copy.VAL[:3]] == [True, False, True]


def test_other_files_of_the_tree_are_passed_over(root: Path) -> None:
    before = opened(root)
    for end in ("color.png", "instanceIds.png", "polygons.json"):
        path = copy.mask_path(root, "train", copy.TRAIN[0])
        path.with_name(f"{copy.TRAIN[0]}_gtFine_{end}").write_bytes(b"")
    (root / "leftImg8bit/train/trainImages.txt").write_text("aachen\n")
    (root / "leftImg8bit/test/berlin").mkdir(parents=True)
    assert opened(root).ids("train") == before.ids("train")
    assert tuple(i for i, _ in read_masks(root)) == (*copy.TRAIN, *copy.VAL)


def test_no_mask_to_derive_labels_from(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no mask gtFine/\{train,val\}/<city>"):
        list(read_masks(tmp_path))

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.copies import ade20k as copy
from helpers.dataset_yaml import configured
from PIL import Image as Pillow

from wsss.data.datasets.ade20k import (
    MIN_SHARE,
    Ade20kConfig,
    Ade20kDataset,
    read_classes,
    read_masks,
)
from wsss.data.files.labels import labels_from_mask, write_labels
from wsss.data.types import Split
from wsss.errors import UserError

SPLITS: tuple[Split, ...] = ("train", "val", "test")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    copy.make(tmp_path / "ade")
    return tmp_path / "ade"


def opened(root: Path, **changes: object) -> Ade20kDataset:
    return Ade20kDataset(configured(Ade20kConfig, "ade20k", root, **({"val_images": 4} | changes)))


def test_images_labels_and_masks(root: Path) -> None:
    data = opened(root)
    assert len(data.info.classes) == len(set(data.info.palette)) == 150
    assert data.info.background is None and data.info.multi_label
    assert data.info.classes[:2] == ("wall", "building")  # without "edifice"
    assert data.info.classes[6] == "bed"  # "bed " in the list
    assert [len(data.ids(split)) for split in SPLITS] == [8, 4, 6]
    assert data.ids("test") == copy.VAL
    assert data.labels("train").shape == (8, 150)
    read_mask = data.open_masks()
    for image_id in (*data.ids("train")[:2], *data.ids("test")):
        mask, image = read_mask(image_id), data.read_image(image_id)
        assert image.shape == (3, *mask.shape) and image.max() > 100
        assert (mask[0] == 255).all()  # 0 in the file: other
        assert set(data.record(image_id).labels) == set(np.unique(mask)) - {255}
    assert set(np.unique(read_mask(copy.VAL[2]))) == {0, 4, 149, 255}  # 1, 5, 150 and 0 in the file
    assert data.counts() == {"training": (12, 20210), "validation": (6, 2000)}


def test_rows_in_any_order_and_not_for_every_image(root: Path) -> None:
    before = opened(root)
    header, *rows = (root / "labels.csv").read_text().splitlines()
    (root / "labels.csv").write_text("\n".join([header, *reversed(rows)]))
    after = opened(root)
    assert [after.ids(split) for split in SPLITS] == [before.ids(split) for split in SPLITS]

    kept = [row for row in rows if not row.startswith((copy.TRAIN[0], copy.VAL[0]))]
    (root / "labels.csv").write_text("\n".join([header, *kept]))
    fewer = opened(root)
    assert [len(fewer.ids(split)) for split in SPLITS] == [7, 4, 5]
    assert fewer.quarantined == {}
    only_val = [row for row in rows if row.startswith("ADE_val")]
    (root / "labels.csv").write_text("\n".join([header, *only_val]))
    with pytest.raises(UserError, match=r"labels\.csv: labels no training image; make it with"):
        opened(root)


def test_labels_file_elsewhere(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine.csv"
    (root / "labels.csv").rename(elsewhere)
    with pytest.raises(UserError, match=r"derive_labels ade20k .* --labels-file labels\.csv"):
        opened(root)
    assert opened(root, labels_file=str(elsewhere)).ids("test") == copy.VAL


def test_images_without_file_may_be_left_out(root: Path) -> None:
    (root / f"images/training/{copy.TRAIN[0]}.jpg").unlink()
    (root / f"annotations/validation/{copy.VAL[1]}.png").unlink()
    data = opened(root, on_error="skip")
    assert list(data.quarantined) == [copy.TRAIN[0]]
    assert [len(data.ids(split)) for split in SPLITS] == [7, 4, 6]
    assert [data.has_mask(image_id) for image_id in copy.VAL[:3]] == [True, False, True]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Idx\t", "Number\t", "no columns Idx and Name"),
        ("\tsky", "\twall", "duplicate class 'wall'"),
        ("\tsky", "", "row 3 is"),
    ],
)
def test_bad_class_lists(root: Path, old: str, new: str, expected: str) -> None:
    path = root / "objectInfo150.txt"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=rf"objectInfo150\.txt: {expected}"):
        read_classes(root)
    path.write_text("")
    with pytest.raises(UserError, match="no columns"):
        read_classes(root)


def test_masks_to_derive_labels_from(root: Path, tmp_path: Path) -> None:
    masks = dict(read_masks(root))
    assert tuple(masks) == (*copy.TRAIN, *copy.VAL)
    with Pillow.open(root / f"annotations/training/{copy.TRAIN[0]}.png") as picture:
        values = np.asarray(picture)
    assert np.array_equal(masks[copy.TRAIN[0]][values > 0], values[values > 0] - 1)
    with pytest.raises(UserError, match="nothing: no mask in annotations/training"):
        list(read_masks(tmp_path / "nothing"))


def test_genuine_files(samples: Path, tmp_path: Path) -> None:
    root = tmp_path / "ade"
    shutil.copytree(samples / "ade20k_sample" / "ADEChallengeData2016", root)
    names = read_classes(root)
    assert (len(names), names[0], names[6], names[149]) == (150, "wall", "road", "flag")
    assert names[7:9] == ("bed", "windowpane") and names[21] == "water"  # stray spaces in the file
    assert not any("," in name or name != name.strip() for name in names)

    masks = dict(read_masks(root))
    labels = {i: labels_from_mask(mask, len(names), MIN_SHARE) for i, mask in masks.items()}
    assert {i: [names[k] for k in found] for i, found in labels.items()} == {
        "ADE_val_00000001": ["wall", "building", "sky", "tree", "road", "grass", "plant"],
        "ADE_val_00000002": ["wall", "building", "sky", "tree"],
        "ADE_val_00000003": [
            *("wall", "building", "sky", "tree", "road", "sidewalk", "car", "bus", "escalator"),
            "van",
        ],
    }
    for image_id in ("ADE_val_00000002", "ADE_val_00000003"):  # the sample has no training part
        for kind, suffix in (("images", "jpg"), ("annotations", "png")):
            (root / kind / "training").mkdir(exist_ok=True)
            name = f"{image_id}.{suffix}"
            (root / kind / "validation" / name).rename(root / kind / "training" / name)
    write_labels(root / "labels.csv", names, labels)
    data = opened(root, val_images=1)
    assert data.ids("test") == ("ADE_val_00000001",)
    image, mask = data.read_image("ADE_val_00000001"), data.open_masks()("ADE_val_00000001")
    assert image.shape == (3, 512, 683) and mask.shape == (512, 683)
    assert image[:, 100, 150] == pytest.approx([102, 151, 210], abs=3)  # decoders may differ a bit
    assert image.mean(axis=(1, 2)) == pytest.approx([103.7, 116.4, 129.1], abs=0.5)
    assert [names[mask[10, 10]], names[mask[200, 200]]] == ["sky", "building"]
    values, counts = np.unique(mask, return_counts=True)
    assert values.tolist() == [0, 1, 2, 4, 6, 9, 17, 255]
    assert counts.tolist() == [14538, 123406, 134492, 8784, 1755, 53099, 10009, 3613]
    assert data.open_masks()("ADE_val_00000002")[0, 0] == 255

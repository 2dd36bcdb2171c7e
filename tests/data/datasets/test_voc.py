from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from helpers.copies import voc as copy
from helpers.dataset_yaml import configured
from PIL import Image as Pillow

from wsss.data.datasets.voc import VocConfig, VocDataset
from wsss.data.datasets.voc_annotations import CLASSES
from wsss.data.types import Split
from wsss.errors import UserError

SPLITS: tuple[Split, ...] = ("train", "val", "test")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    copy.make(tmp_path / "voc")
    return tmp_path / "voc"


def opened(root: Path, /, **changes: object) -> VocDataset:
    return VocDataset(configured(VocConfig, "voc", root, **({"val_images": 4} | changes)))


def names(data: VocDataset, image_id: str) -> list[str]:
    return [data.info.classes[index] for index in data.record(image_id).labels]


def test_images_labels_and_masks(root: Path) -> None:
    data = opened(root)
    assert len(data.info.classes) == 21 and data.info.background == 0 and data.info.multi_label
    assert data.info.classes[:2] == ("background", "aeroplane")
    assert [data.info.classes.index(n) for n in ("chair", "dog", "tvmonitor")] == [9, 12, 20]
    assert data.info.palette[9] == (192, 0, 0) and data.info.palette[20] == (0, 64, 128)
    assert data.labels("train").shape == (8, 20)  # no column for the background
    assert [len(data.ids(split)) for split in SPLITS] == [8, 4, 6]
    assert data.ids("test") == copy.VAL
    read_mask = data.open_masks()
    for image_id in data.ids("test"):
        mask, image = read_mask(image_id), data.read_image(image_id)
        assert image.shape == (3, *mask.shape) and image.max() > 100
        shown = set(np.unique(mask)) - {0, 255}
        assert set(data.record(image_id).labels) == shown
        assert (mask == 255).any() and (mask == 0).any()
        assert data.has_mask(image_id) and data.georeference(image_id) is None
    assert data.size(copy.VAL[0]) == read_mask(copy.VAL[0]).shape == copy.SIZES[12 % 4]


@pytest.mark.parametrize("below", ["", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_every_form_of_the_root(root: Path, below: str) -> None:
    assert opened(root / below).ids("test") == copy.VAL


def test_held_out_images_depend_on_ids_alone(root: Path) -> None:
    before = opened(root)
    assert set(before.ids("train")) | set(before.ids("val")) == set(copy.TRAIN)
    path = root / copy.HOME / "ImageSets/Segmentation/train.txt"
    path.write_text("\n".join(reversed(copy.TRAIN)))
    after = opened(root)
    assert after.ids("val") == before.ids("val")[::-1]
    assert after.ids("train") == before.ids("train")[::-1]


def test_lists_by_name_and_by_path(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [f"/JPEGImages/{i}.jpg /SegmentationClassAug/{i}.png" for i in copy.TRAIN]
    (root / "train_aug.txt").write_text("\n".join(pairs))
    (root / "few.txt").write_text("\n".join(copy.TRAIN[:3]))
    monkeypatch.chdir(root)
    data = opened(root, train_list=str(root / "train_aug.txt"), val_list="few.txt")
    assert data.ids("val") == copy.TRAIN[:3]
    assert data.ids("train") == copy.TRAIN[3:]  # the list for validation leaves it
    assert data.counts() == {
        str(root / "train_aug.txt"): (12, 10582),
        "few.txt": (3, None),
        "val": (6, 1449),
    }
    assert opened(root).counts() == {"train": (12, 1464), "val": (6, 1449)}


def test_masks_of_another_folder_may_be_few(root: Path) -> None:
    home, image_id = root / copy.HOME, copy.TRAIN[2]
    with pytest.raises(UserError, match="SegmentationClassAug: no such folder"):
        opened(root, masks="SegmentationClassAug").open_masks()
    (home / "SegmentationClassAug").mkdir()
    gray = Pillow.new("L", copy.SIZES[2][::-1], 15)  # train_aug's masks have no palette
    gray.save(home / "SegmentationClassAug" / f"{image_id}.png")
    data = opened(root, masks="SegmentationClassAug")
    assert [i for s in SPLITS for i in data.ids(s) if data.has_mask(i)] == [image_id]
    assert (data.open_masks()(image_id) == 15).all()


def test_difficult_objects(root: Path) -> None:
    both, alone = copy.TRAIN[1], copy.TRAIN[0]  # the last object of each image is difficult
    with_them, without = opened(root), opened(root, difficult="exclude")
    assert names(with_them, both) == ["cat", "person"]
    assert names(without, both) == ["cat"]
    assert names(with_them, alone) == names(without, alone) == ["car"]  # its only object stays
    with pytest.raises(ValueError, match=r"dataset\.difficult is 'skip'; valid: include, exclude"):
        opened(root, difficult="skip")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"root": "/nowhere"}, "/nowhere: no folder JPEGImages"),
        (
            {"train_list": "train_aug"},
            "(train, trainval, val) nor a file; the devkit lacks",
        ),
        ({"test_list": "test"}, "dataset.test_list is 'test', neither a list in"),
        ({"val_list": "val"}, f"image '{copy.VAL[0]}' of dataset.test_list=val is also in"),
        ({"val_images": 12}, "dataset.val_images is 12, it must lie in 1..11"),
    ],
)
def test_bad_configurations(root: Path, changes: dict[str, object], expected: str) -> None:
    with pytest.raises(UserError) as caught:
        opened(root, **changes)
    assert expected in str(caught.value)


def test_entities_are_refused(root: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "cat"><!ENTITY c "&b;&b;&b;">]>'
    text = f"{bomb}<annotation><object><name>&c;</name></object></annotation>"
    copy.spoil_file(f"Annotations/{copy.TRAIN[0]}.xml", text)(root)
    with pytest.raises(UserError, match=rf"{copy.TRAIN[0]}\.xml: declares a document type"):
        opened(root)


def test_bad_images_may_be_left_out(root: Path) -> None:
    copy.spoil_file(f"Annotations/{copy.VAL[0]}.xml", "<annotation/>")(root)
    copy.spoil_file(f"JPEGImages/{copy.VAL[1]}.jpg", None)(root)
    data = opened(root, on_error="skip")
    assert data.ids("test") == copy.VAL[2:]
    assert sorted(data.quarantined) == list(copy.VAL[:2])
    assert "no object" in data.quarantined[copy.VAL[0]]


def test_genuine_files(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text(
        "2007_000027\n2007_000032\n2007_000033\n2007_000039\n2007_000042\n"
    )
    (tmp_path / "person.txt").write_text("2011_003353\n")
    data = opened(
        samples / "voc2012_sample",
        train_list=str(tmp_path / "some.txt"),
        val_list=str(tmp_path / "person.txt"),
        test_list="train",
    )
    assert data.ids("test") == ("2007_000063",)
    assert data.labels("test")[0].nonzero()[0].tolist() == [8, 11]  # chair 9 and dog 12 of classes
    assert names(data, "2007_000063") == ["chair", "dog"]
    assert names(data, "2007_000027") == ["person"]  # whose head, hand and feet are named as well
    assert names(data, "2007_000032") == ["aeroplane", "person"]
    assert names(data, "2007_000042") == ["train"]
    # The annotation file of this one gives its height before its width.
    assert data.size("2011_003353") == (500, 375)
    assert data.read_image("2011_003353").shape == (3, 500, 375)

    image = data.read_image("2007_000063")
    assert image.shape == (3, 375, 500) and image.dtype == np.float32
    assert image[:, 100, 100] == pytest.approx([57, 59, 48], abs=3)  # decoders may differ a bit
    assert image.mean(axis=(1, 2)) == pytest.approx([98.0, 96.3, 88.8], abs=0.5)
    mask = data.open_masks()("2007_000063")
    values, counts = np.unique(mask, return_counts=True)
    assert values.tolist() == [0, 9, 12, 255]
    assert counts.tolist() == [72224, 78930, 27632, 8714]
    assert [mask[5, 5], mask[250, 400], mask[200, 250], mask[300, 100]] == [0, 9, 12, 255]
    assert not data.has_mask("2007_000032")
    home = samples / "voc2012_sample" / copy.HOME
    with Pillow.open(home / "SegmentationClass" / "2007_000063.png") as picture:
        palette = np.reshape(picture.getpalette() or [], (-1, 3))
    assert palette[: len(CLASSES)].tolist() == [list(colour) for colour in data.info.palette]


def test_what_exporters_write_otherwise(root: Path) -> None:
    before = [opened(root).index(split) for split in SPLITS]
    home = next(root.rglob("JPEGImages")).parent
    for number, path in enumerate(sorted((home / "Annotations").glob("*.xml"))):
        text = path.read_text()
        text = text.replace("<difficult>1<", "<difficult>True<").replace(
            "<difficult>0<", "<difficult/><"
        )
        text = text.replace("<difficult/></difficult>", "")
        head = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!-- é -->\n'
        path.write_bytes((head + text if number else text).encode("latin-1"))
    picture = sorted((home / "JPEGImages").glob("*.jpg"))[0]
    picture.rename(picture.with_suffix(".JPG"))
    assert [opened(root).index(split) for split in SPLITS] == before


@pytest.mark.parametrize("mark", ["maybe", "2"])
def test_a_mark_of_difficulty_that_is_none(root: Path, mark: str) -> None:
    path = sorted(root.rglob("Annotations/*.xml"))[0]
    text = path.read_text()
    assert "<difficult>" in text
    path.write_text(re.sub(r"<difficult>\d<", f"<difficult>{mark}<", text))
    with pytest.raises(UserError, match=f"difficult is '{mark}', valid: 0, 1, false, true"):
        opened(root)

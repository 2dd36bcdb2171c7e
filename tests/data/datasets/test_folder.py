from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image as Pillow

from wsss.data.datasets.folder import FolderConfig, FolderDataset
from wsss.errors import UserError

Make = Callable[..., FolderConfig]


def test_images_labels_and_masks(pets: Path, make_folder: Make) -> None:
    data = FolderDataset(make_folder(pets))
    assert data.info.classes == ("cat", "dog")
    assert [data.ids(split) for split in ("train", "val", "test")] == [("a",), ("b",), ("c",)]
    assert data.labels("train").tolist() == [[1, 1]]
    assert data.labels("test").tolist() == [[0, 1]]
    with Pillow.open(pets / "images" / "a.png") as picture:
        expected = np.asarray(picture).transpose(2, 0, 1)
    image = data.read_image("a")
    assert image.dtype == np.float32
    assert np.array_equal(image, expected)
    assert data.georeference("a") is None
    assert data.open_masks()("b").tolist() == [[0, 0, 0, 1, 1, 255]] * 4


def test_splits_from_the_labels_file(pets: Path, make_folder: Make) -> None:
    (pets / "labels.csv").write_text("image_id,cat,dog,split\nc,1,0,train\na,0,1,val\nb,1,0,test\n")
    data = FolderDataset(make_folder(pets, lists=None))
    assert [data.ids(split) for split in ("train", "val", "test")] == [("c",), ("a",), ("b",)]
    listed = FolderDataset(make_folder(pets))
    assert listed.ids("train") == ("a",)  # lists win where they are named


def test_geotiff_of_many_bands(pets: Path, make_folder: Make) -> None:
    (pets / "images" / "a.png").unlink()
    values = np.arange(4 * 4 * 6, dtype=np.float32).reshape(4, 4, 6) / 7
    with rasterio.open(
        pets / "images" / "a.tif",
        "w",
        driver="GTiff",
        count=4,
        height=4,
        width=6,
        dtype="float32",
        crs="EPSG:32632",
        transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5e6),
    ) as target:
        target.write(values)
    data = FolderDataset(make_folder(pets, bands=["B", "G", "R", "NIR"], display_bands=[2, 1, 0]))
    assert np.array_equal(data.read_image("a"), values)
    assert data.info.display_bands == (2, 1, 0)
    place = data.georeference("a")
    assert place is not None and place.transform == (10, 0, 5e5, 0, -10, 5e6)
    with pytest.raises(UserError, match=r"b\.jpg: 3 bands, but the configuration names 4"):
        data.read_image("b")
    values[0, 0, 0] = np.nan
    with rasterio.open(pets / "images" / "a.tif", "r+") as target:
        target.write(values)
    assert np.isnan(data.read_image("a")).sum() == 1  # no data


Break = Callable[[Path], object]


def write(name: str, text: str) -> Break:
    return lambda root: (root / name).write_text(text)


@pytest.mark.parametrize(
    ("spoil", "changes", "expected"),
    [
        (None, {"root": "/nowhere"}, "no folder /nowhere"),
        (None, {"images": "pictures"}, "pictures: no such folder"),
        (None, {"classes_file": "names.txt"}, "names.txt: no such class list"),
        (None, {"labels_file": "none.csv"}, "none.csv: no such labels file"),
        (None, {"lists": "splits"}, "splits/train.txt: no such list of ids"),
        (None, {"lists": None}, "add a column 'split' to"),
        (None, {"display_bands": [0, 1, 3]}, "display_bands=[0, 1, 3]: must be three indices"),
        (None, {"display_bands": [0]}, "display_bands=[0]"),
        (None, {"display_range": [1.0, 0.0]}, "display_range=[1.0, 0.0]: must be two ascending"),
        (None, {"bands": ["R", "R", "B"]}, "duplicate band 'R'"),
        (None, {"bands": []}, "display_bands"),
        (None, {"multi_label": False}, "image 'a' has 2 labels (cat, dog)"),
        (write("classes.txt", "\n"), {}, "classes.txt: 0 classes"),
        (write("classes.txt", "cat\ndog\ncat\n"), {}, "duplicate class 'cat'"),
        (write("classes.txt", "cat\n"), {}, "column 'dog' is not in the class list"),
        (write("classes.txt", "cat\ndog\ncow\n"), {}, "class 'cow' has no column"),
        (write("lists/train.txt", "a\nzebra\n"), {}, "no row for image 'zebra' of train"),
        (write("lists/val.txt", "\n"), {}, "split 'val' has no image"),
        (write("lists/val.txt", "a\n"), {}, "duplicate image id 'a'"),
        (write("images/a.JPG", ""), {}, "a.JPG and a.png are both image 'a'"),
        (lambda r: (r / "images/c.png").unlink(), {}, "no file for image 'c' of test; expected"),
        (lambda r: (r / "classes.txt").write_bytes(b"\xff"), {}, "classes.txt: not text in UTF-8"),
    ],
)
def test_bad_input(
    pets: Path,
    make_folder: Make,
    spoil: Break | None,
    changes: dict[str, object],
    expected: str,
) -> None:
    if spoil is not None:
        spoil(pets)
    with pytest.raises(UserError) as caught:
        FolderDataset(make_folder(pets, **changes))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_images_and_masks(pets: Path, make_folder: Make) -> None:
    Pillow.new("L", (6, 4)).save(pets / "images" / "a.png")
    content = (pets / "images" / "b.jpg").read_bytes()
    (pets / "images" / "b.jpg").write_bytes(content[: len(content) // 2])
    data = FolderDataset(make_folder(pets))
    with pytest.raises(UserError, match=r"a\.png: 1 bands, but the configuration names 3"):
        data.read_image("a")
    with pytest.raises(UserError, match=r"b\.jpg: broken, truncated"):
        data.read_image("b")

    Pillow.new("RGB", (6, 4)).save(pets / "images" / "b.jpg")
    Pillow.new("L", (4, 6)).save(pets / "masks" / "a.png")
    Pillow.new("L", (6, 4), 2).save(pets / "masks" / "b.png")
    (pets / "masks" / "c.png").unlink()
    data = FolderDataset(make_folder(pets))
    assert [data.has_mask(image_id) for image_id in "abc"] == [True, True, False]
    read_mask = data.open_masks()
    with pytest.raises(UserError, match=r"a\.png: size \(6, 4\), but its image has \(4, 6\)"):
        read_mask("a")
    with pytest.raises(UserError, match=r"class 2, valid: 0\.\.1, 255"):
        read_mask("b")
    with pytest.raises(UserError, match=r"masks: no mask for image 'c'"):
        read_mask("c")


def test_datasets_may_have_no_masks(pets: Path, make_folder: Make) -> None:
    data = FolderDataset(make_folder(pets, masks=None))
    assert data.read_image("a").shape == (3, 4, 6)
    with pytest.raises(UserError, match="dataset pets: has no pixel masks"):
        data.open_masks()
    with pytest.raises(UserError, match="truth: no such folder"):
        FolderDataset(make_folder(pets, masks="truth")).open_masks()


def test_background_is_a_class_of_pixels_alone(pets: Path, make_folder: Make) -> None:
    (pets / "classes.txt").write_text("nothing\ncat\ndog\n")
    (pets / "labels.csv").write_text("image_id,dog,cat\na,1,1\nb,0,0\nc,1,0\n")
    data = FolderDataset(make_folder(pets, background="nothing"))
    assert data.info.background == 0 and data.info.image_class_names == ("cat", "dog")
    assert data.labels("train").tolist() == [[1, 1]]
    assert data.labels("val").tolist() == [[0, 0]]  # an image may show background alone
    assert data.record("c").labels == (2,)
    with pytest.raises(UserError, match="dataset.background is 'sky', not a class of classes.txt"):
        FolderDataset(make_folder(pets, background="sky"))


def test_single_labels_may_name_the_background(pets: Path, make_folder: Make) -> None:
    (pets / "labels.csv").write_text("image_id,dog,cat\na,1,0\nb,0,1\nc,1,0\n")
    data = FolderDataset(make_folder(pets, background="cat", multi_label=False))
    assert data.info.image_class_names == ("cat", "dog")
    assert data.labels("val").tolist() == [[1, 0]]
    (pets / "labels.csv").write_text("image_id,dog,cat\na,1,0\nb,0,0\nc,1,0\n")
    with pytest.raises(UserError, match="image 'b' has no label"):
        FolderDataset(make_folder(pets, background="cat", multi_label=False))


def test_images_without_a_file_can_be_left_out(pets: Path, make_folder: Make) -> None:
    (pets / "lists/train.txt").write_text("a\nlost\n")
    (pets / "labels.csv").write_text("image_id,dog,cat\na,1,1\nb,0,1\nc,1,0\nlost,1,0\n")
    data = FolderDataset(make_folder(pets, on_error="skip"))
    assert data.ids("train") == ("a",)
    assert list(data.quarantined) == ["lost"]
    assert "no file for image 'lost'" in data.quarantined["lost"]
    (pets / "images/c.png").unlink()
    with pytest.raises(
        UserError, match="split 'test' has no image, 2 left out: .*no file for image"
    ):
        FolderDataset(make_folder(pets, on_error="skip"))


@pytest.mark.parametrize(("lists", "named"), [("lists", "lists=lists"), (None, "column split")])
def test_results_name_the_lists(
    pets: Path, make_folder: Make, lists: str | None, named: str
) -> None:
    text = "image_id,cat,dog,split\nc,1,0,train\na,0,1,val\nb,1,0,test\n"
    (pets / "labels.csv").write_text(text)
    assert named in FolderDataset(make_folder(pets, lists=lists)).info.protocol


def test_genuine_photographs(samples: Path, make_folder: Make) -> None:
    config = make_folder(
        samples / "msrc21",
        images="JPEGImages",
        labels_file="image_labels.csv",
        masks="SegmentationClass",
        lists="ImageSets/Segmentation",
    )
    data = FolderDataset(config)
    assert [len(data.ids(split)) for split in ("train", "val", "test")] == [277, 58, 254]
    assert len(data.info.classes) == 21
    ids = [image_id for split in ("train", "val", "test") for image_id in data.ids(split)]
    labels = np.concatenate([data.labels(split) for split in ("train", "val", "test")])
    by_id = dict(zip(ids, labels, strict=True))
    names = np.array(data.info.classes)
    assert names[by_id["9_9_s"] > 0].tolist() == ["grass", "sheep"]
    image = data.read_image("10_10_s")
    assert image.shape == (3, 213, 320)
    assert image[:, 100, 100] == pytest.approx([92, 116, 22], abs=3)  # decoders may differ a bit
    assert image.mean(axis=(1, 2)) == pytest.approx([79.9, 90.1, 22.7], abs=0.5)
    read_mask = data.open_masks()
    mask = read_mask("9_9_s")
    values, counts = np.unique(mask, return_counts=True)
    assert (values.tolist(), counts.tolist()) == ([1, 4], [58156, 10004])
    for image_id in ids[::40]:
        present = np.isin(np.arange(21), np.unique(read_mask(image_id)))
        assert np.array_equal(by_id[image_id], present)

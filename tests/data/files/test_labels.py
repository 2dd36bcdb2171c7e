from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wsss.data.files.labels import labels_from_mask, read_labels, write_labels
from wsss.errors import UserError

CLASSES = ("cat", "dog", "old cow")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    labels = {"b": (0, 2), "a, with comma": (1,)}
    write_labels(path, CLASSES, labels, {"b": "train", "a, with comma": "test"})
    table = read_labels(path, CLASSES, multi_label=True)
    assert table.labels == labels
    assert list(table.labels) == ["b", "a, with comma"]
    assert table.splits == {"b": "train", "a, with comma": "test"}
    assert list(tmp_path.iterdir()) == [path]


def test_written_bytes(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    write_labels(path, CLASSES, {"x": (0, 2)})
    assert path.read_bytes() == b"image_id,cat,dog,old cow\nx,1,0,1\n"


def test_columns_may_stand_in_any_order_and_spreadsheet_quirks_pass(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b"\xef\xbb\xbfdog,image_id, cat,old cow\r\n1,x,0, 1\r\n\r\n0,y,1,0\r\n")
    table = read_labels(path, CLASSES, multi_label=True)
    assert table == ({"x": (1, 2), "y": (0,)}, None)


HEADER = "image_id,cat,dog,old cow\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "no column 'image_id'"),
        ("id,cat,dog,old cow\n", "no column 'image_id'"),
        (HEADER, "no image in the labels file"),
        ("image_id,cat,dog,old cow,bird\nx,1,0,0,1\n", "'bird' is not in the class list"),
        ("image_id,cat,dog\nx,1,0\n", "class 'old cow' has no column"),
        ("image_id,cat,dog,old cow,cat\nx,1,0,0,1\n", "duplicate column 'cat'"),
        (HEADER + "x,1,0,0\ny,2,0,0\n", "line 3: '2' in column 'cat', valid: 0, 1"),
        (HEADER + "x,1,,0\n", "'' in column 'dog'"),
        (HEADER + "x,1,0\n", "line 2: 3 cells, but the header has 4"),
        (HEADER + ",1,0,0\n", "line 2: empty image_id"),
        (HEADER + "x,1,0,0\nx,0,1,0\n", "line 3: duplicate image id 'x'"),
        (HEADER + "x,1,0,0\nlost,0,0,0\n", "image 'lost' has no label"),
        ("image_id,cat,dog,old cow,split\nx,1,0,0,dev\n", "split 'dev', valid: train, val, test"),
        (HEADER + '"x,1,0,0\n', "not a CSV file"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_labels(path, CLASSES, multi_label=True)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_single_label_datasets_refuse_a_second_label(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(HEADER + "x,1,0,0\ny,1,1,0\n")
    assert read_labels(path, CLASSES, multi_label=True).labels["y"] == (0, 1)
    with pytest.raises(UserError, match=r"image 'y' has 2 labels \(cat, dog\)"):
        read_labels(path, CLASSES, multi_label=False)


def test_missing_or_binary_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such labels file"):
        read_labels(tmp_path / "none.csv", CLASSES, multi_label=True)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not a CSV file in UTF-8"):
        read_labels(tmp_path / "binary.csv", CLASSES, multi_label=True)


def test_reserved_class_name(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("image_id,split\nx,1\n")
    with pytest.raises(UserError, match="class name 'split'"):
        read_labels(path, ["split"], multi_label=True)


def test_labels_from_mask_counts_every_pixel() -> None:
    mask = np.full((10, 10), 255, np.uint8)
    mask.flat[:10] = 2
    mask.flat[10:19] = 0
    assert labels_from_mask(mask, 3, 0.10) == (2,)  # ten of a hundred, though 81 are ignored
    assert labels_from_mask(mask, 3, 0.09) == (0, 2)
    assert labels_from_mask(np.full((4, 4), 255, np.uint8), 3, 0.1) == ()
    assert labels_from_mask(np.zeros((4, 4), np.uint8), 3, 0.0) == (0,)


@pytest.mark.parametrize("percent", [1, 7, 10, 14, 29, 55])
def test_labels_from_mask_includes_the_exact_share(percent: int) -> None:
    mask = np.full((10, 10), 255, np.uint8)
    mask.flat[:percent] = 1
    assert labels_from_mask(mask, 2, float(f"0.{percent:02}")) == (1,)  # 0.07 * 100 is above 7
    mask.flat[0] = 255
    assert labels_from_mask(mask, 2, float(f"0.{percent:02}")) == ()

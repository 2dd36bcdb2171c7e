"""Image labels from masks: by share of the pixels, for the datasets that ship none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.copies.dfc import write_geotiff

from wsss.data.datasets.dfc import DfcDataset
from wsss.data.datasets.dfc_land_cover import read_coarse_classes
from wsss.data.datasets.dfc_tree import CLASSES, patch_path
from wsss.data.datasets.synthetic import SyntheticConfig
from wsss.data.derive_labels import KINDS, derive_labels, main
from wsss.data.files.labels import read_labels
from wsss.errors import UserError

Make = Callable[..., SyntheticConfig]


def write(path: Path, values: np.ndarray) -> Path:
    """Write ``[bands, H, W]`` as a GeoTIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_geotiff(path, values)
    return path


def coarse(codes: np.ndarray) -> np.ndarray:
    """Four bands of land cover; the last three are of other legends and must not matter."""
    return np.stack([codes, *np.full((3, *codes.shape), 41, np.uint8)])


def labels_of(path: Path) -> dict[str, list[str]]:
    table = read_labels(path, CLASSES, multi_label=True)
    return {i: [CLASSES[index] for index in found] for i, found in table.labels.items()}


def test_patches_that_no_class_covers_are_left_out(tree: Path, make_synthetic: Make) -> None:
    write(patch_path(tree, "test", "dfc", 2), np.full((1, 32, 32), 3, np.uint8))
    assert derive_labels("dfc", tree) == (9, 1)
    assert "test_p2" not in DfcDataset(make_synthetic(tree)).ids("train")


def test_the_share_counts_every_pixel(tmp_path: Path) -> None:
    codes = np.full(1000, 8, np.uint8)  # snow, which is no class
    codes[:100], codes[100:199] = 1, 10  # a tenth of forest, one pixel less of water
    write(patch_path(tmp_path, "validation", "dfc", 0), codes.reshape(1, 20, 50))
    derive_labels("dfc", tmp_path)
    assert labels_of(tmp_path / "labels.csv") == {"validation_p0": ["Forest"]}
    derive_labels("dfc", tmp_path, min_share=0.099)
    assert labels_of(tmp_path / "labels.csv") == {"validation_p0": ["Forest", "Water"]}


def test_the_file_may_lie_elsewhere(written_tree: Path, tmp_path: Path) -> None:
    """Folders of data are often read-only."""
    path = tmp_path / "new" / "folder" / "mine.csv"
    before = sorted(written_tree.iterdir())
    assert derive_labels("dfc", written_tree, labels_file=str(path)) == (10, 0)
    assert path.read_bytes() == (written_tree / "labels.csv").read_bytes()
    assert sorted(written_tree.iterdir()) == before


def test_what_cannot_be_written_shows_before_any_mask_is_read(tree: Path) -> None:
    patch_path(tree, "test", "dfc", 0).write_bytes(b"broken")
    with pytest.raises(UserError, match=r"labels\.csv: cannot be written to.*--labels-file"):
        derive_labels("dfc", tree, labels_file="labels.csv/mine.csv")


def test_a_broken_mask_is_named_and_nothing_written(tree: Path) -> None:
    before = (tree / "labels.csv").read_bytes()
    path = patch_path(tree, "validation", "dfc", 1)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=f"^{path}: broken"):
        derive_labels("dfc", tree, min_share=0.5)
    assert (tree / "labels.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("codes", "name"),
    [
        ((1, 2, 3, 4, 5), "Forest"),
        ((6, 7), "Shrubland"),
        ((10,), "Grassland"),
        ((11,), "Wetland"),
        ((12, 14), "Cropland"),
        ((13,), "Urban"),
        ((16,), "Barren"),
        ((17,), "Water"),
        ((0, 8, 9, 15, 255), None),  # unknown, savannas, snow
    ],
)
def test_igbp_codes_become_classes(
    tmp_path: Path, codes: tuple[int, ...], name: str | None
) -> None:
    path = write(tmp_path / "lc.tif", coarse(np.array([codes], np.uint8)))
    expected = 255 if name is None else CLASSES.index(name)
    assert set(read_coarse_classes(path).ravel().tolist()) == {expected}


@pytest.mark.parametrize("code", [18, 100, 254])
def test_codes_outside_igbp_are_named(tmp_path: Path, code: int) -> None:
    codes = np.full((8, 8), 5, np.uint8)
    codes[7, 7] = code
    path = write(patch_path(tmp_path, "test", "lc", 3), coarse(codes))
    with pytest.raises(UserError, match=rf"^{path}: value {code}, valid: IGBP codes 1\.\.17"):
        derive_labels("dfc", tmp_path, source="lc")


def test_land_cover_has_four_bands(tmp_path: Path) -> None:
    path = write(patch_path(tmp_path, "test", "lc", 0), np.ones((1, 8, 8), np.uint8))
    with pytest.raises(UserError, match=f"^{path}: 1 bands, but an index mask has 4"):
        derive_labels("dfc", tmp_path, source="lc")


def test_coarse_land_cover_gives_labels_but_no_masks(tree: Path, make_synthetic: Make) -> None:
    true_labels = (tree / "labels.csv").read_bytes()
    for folder, count in (("test", 8), ("validation", 2)):
        for number in range(count):
            codes = np.full((32, 32), 14, np.uint8)
            codes[:4] = 17  # an eighth
            codes[4:7] = 13  # less than a tenth
            write(patch_path(tree, folder, "lc", number), coarse(codes))
    write(patch_path(tree, "test", "lc", 1), coarse(np.full((32, 32), 9, np.uint8)))

    assert main(["dfc", str(tree), "--source", "lc", "--labels-file", "labels_lc.csv"]) == 0

    assert (tree / "labels.csv").read_bytes() == true_labels
    fine = DfcDataset(make_synthetic(tree))
    data = DfcDataset(make_synthetic(tree, labels_file="labels_lc.csv"))
    assert data.ids("train") == tuple(f"test_p{n}" for n in (0, 2, 3, 4, 5))
    expected = np.isin(CLASSES, ("Cropland", "Water"))
    assert (data.labels("train") == expected).all() and (data.labels("test") == expected).all()
    for image_id in data.ids("test"):
        assert np.array_equal(data.open_masks()(image_id), fine.open_masks()(image_id))
    assert "labels_file=labels_lc.csv" in data.info.protocol


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_without_masks_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UserError, match=f"^{tmp_path}"):
        derive_labels(kind, tmp_path)
    with pytest.raises(UserError, match=f"^{tmp_path / 'none'}: no such folder"):
        derive_labels(kind, tmp_path / "none")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["voc"], "'voc': labels are derived for dfc, ade20k, cityscapes only; other datasets"),
        (["cityscapes", "--source", "lc"], "source=lc: valid: gtFine"),
        (["dfc", "--source", "s2"], "source=s2: valid: dfc, lc"),
        (["dfc", "--min-share", "0"], "min_share=0.0: must be above 0 and at most 1"),
        (["dfc", "--min-share", "1.1"], "min_share=1.1"),
        (["dfc", "--min-share", "nan"], "min_share=nan"),
        (["dfc", "--min-share", "1"], "no class covers a share of 1.0 of any of 10 images"),
        (["dfc", "--min-share", "much"], "--min-share"),
        (["dfc", "--min-shore", "1"], "unrecognized arguments"),
        (["dfc", "--source", "lc"], "no such folder; expected ROIs0000_"),  # synthetic has no lc
    ],
)
def test_bad_input_gives_one_line_and_status_2(
    written_tree: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
) -> None:
    kind, *options = arguments
    before = (written_tree / "labels.csv").read_bytes()
    assert main([kind, str(written_tree), *options]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("error: ") and complaint.count("\n") == 1
    assert expected in complaint
    assert (written_tree / "labels.csv").read_bytes() == before


def test_command_line(tree: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "wsss.data.derive_labels"]
    arguments = ["dfc", str(tree), "--labels-file", "again.csv"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")  # no warning of a module imported twice
    assert f"{tree}/again.csv: 10 images labelled, 0 left out" in done.stdout
    assert (tree / "again.csv").read_bytes() == (tree / "labels.csv").read_bytes()

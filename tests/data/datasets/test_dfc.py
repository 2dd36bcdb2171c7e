from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from helpers.dataset_yaml import configured

from wsss.data.datasets.dfc import DfcConfig, DfcDataset
from wsss.data.datasets.dfc_tree import BANDS, CLASSES, list_patches, patch_path, read_classes
from wsss.data.datasets.synthetic import SyntheticConfig, SyntheticDataset
from wsss.data.derive_labels import derive_labels
from wsss.data.files.labels import labels_from_mask, read_labels, write_labels
from wsss.data.files.mask_writer import write_mask
from wsss.data.files.raster import read_picture
from wsss.data.statistics import band_statistics
from wsss.errors import UserError
from wsss.evaluation.judging import evaluate_masks

Make = Callable[..., SyntheticConfig]


def rewrite(path: Path, values: np.ndarray, **profile_changes: object) -> None:
    with rasterio.open(path) as source:
        profile = source.profile
    profile.update(count=len(values), height=values.shape[1], width=values.shape[2])
    profile.update(profile_changes)
    with rasterio.open(path, "w", **profile) as target:
        target.write(values)


def test_splits_follow_folders_and_numbers(written_tree: Path, make_synthetic: Make) -> None:
    data = DfcDataset(make_synthetic(written_tree))
    assert data.ids("train") == tuple(f"test_p{n}" for n in range(6))
    assert data.ids("val") == ("test_p6", "test_p7")
    assert data.ids("test") == ("validation_p0", "validation_p1")
    back = DfcDataset(make_synthetic(written_tree, direction="validation_to_test", val_patches=1))
    assert back.ids("train") == ("validation_p0",)
    assert back.ids("val") == ("validation_p1",)
    assert len(back.ids("test")) == 8


def test_numbers_are_ordered_as_numbers(tree: Path, make_synthetic: Make) -> None:
    for sensor in ("s1", "s2", "dfc"):
        source = patch_path(tree, "test", sensor, 0)
        shutil.copy(source, patch_path(tree, "test", sensor, 10))
    derive_labels("dfc", tree)
    assert DfcDataset(make_synthetic(tree)).ids("val") == ("test_p7", "test_p10")


def test_values_are_reflectance_and_decibel(written_tree: Path, make_synthetic: Make) -> None:
    data = DfcDataset(make_synthetic(written_tree))
    image = data.read_image("test_p3")
    assert image.shape == (15, 32, 32) and image.dtype == np.float32
    assert data.info.bands == BANDS["s2"] + BANDS["s1"]
    raw = read_picture(patch_path(written_tree, "test", "s2", 3))
    assert np.allclose(image[:13], raw / 10_000)
    decibel = read_picture(patch_path(written_tree, "test", "s1", 3))
    assert np.array_equal(image[13:], decibel.clip(-25, 0))


@pytest.mark.parametrize(
    ("modality", "bands", "shown", "display_range"),
    [
        ("s2", None, (3, 2, 1), (0.0, 0.3)),
        ("s1", None, (0, 1, 1), (-25.0, 0.0)),
        ("s1s2", ["VH", "B4", "B2", "B8A", "B3"], (1, 4, 2), (0.0, 0.3)),
        ("s1s2", ["VV", "B8"], (0, 0, 0), (-25.0, 0.0)),
        ("s2", ["B12", "B8"], (0, 1, 1), (0.0, 0.3)),
    ],
)
def test_bands_come_as_asked_for(
    written_tree: Path,
    make_synthetic: Make,
    modality: str,
    bands: list[str] | None,
    shown: tuple[int, int, int],
    display_range: tuple[float, float],
) -> None:
    everything = DfcDataset(make_synthetic(written_tree)).read_image("test_p0")
    data = DfcDataset(make_synthetic(written_tree, modality=modality, bands=bands))
    names = data.info.bands
    assert list(names) == (bands if bands is not None else list(BANDS[modality]))
    order = [(BANDS["s2"] + BANDS["s1"]).index(name) for name in names]
    assert np.array_equal(data.read_image("test_p0"), everything[order])
    assert data.info.display_bands == shown
    assert data.info.display_range == display_range


def test_statistics_follow_the_names_of_bands(written_tree: Path, make_synthetic: Make) -> None:
    names = ["VH", "B8", "B2", "VV", "B11"]
    everything = DfcDataset(make_synthetic(written_tree))
    order = [everything.info.bands.index(name) for name in names]
    mean, std = band_statistics(everything)
    found = band_statistics(DfcDataset(make_synthetic(written_tree, bands=names)))
    assert found.mean == pytest.approx([mean[index] for index in order])
    assert found.std == pytest.approx([std[index] for index in order])


@pytest.mark.parametrize("direction", ["test_to_validation", "validation_to_test"])
def test_results_name_the_direction(
    written_tree: Path, make_synthetic: Make, direction: str
) -> None:
    data = DfcDataset(make_synthetic(written_tree, direction=direction, val_patches=1))
    truth = data.open_masks()
    ids = data.ids("val")
    result = evaluate_masks(data, "val", truth, truth, ids=ids, image_labels="none")
    assert result["rule"]["split"] == "tiny/val"
    protocol = f"direction={direction}, val_patches=1, labels_file=labels.csv"
    assert result["rule"]["protocol"] == protocol


def test_patches_on_disk_are_counted(tree: Path, make_synthetic: Make) -> None:
    data = SyntheticDataset(make_synthetic(tree))
    patch_path(tree, "test", "s1", 4).unlink()
    patch_path(tree, "test", "s2", 5).unlink()
    patch_path(tree, "validation", "dfc", 0).unlink()  # no image
    found = {"ROIs0000_test": (6, None), "ROIs0000_validation": (2, None)}
    assert data.counts() == found


def test_files_of_unused_sensors_are_not_needed(tree: Path, make_synthetic: Make) -> None:
    for folder in ("test", "validation"):
        shutil.rmtree(tree / f"ROIs0000_{folder}" / "s1_0")
    data = DfcDataset(make_synthetic(tree, bands=["B8", "B4"]))
    assert data.read_image("test_p0").shape == (2, 32, 32)


def test_missing_radar_counts_as_no_echo(tree: Path, make_synthetic: Make) -> None:
    values = np.full((2, 32, 32), -10, np.float32)
    values[0, 0, 0] = np.nan
    rewrite(patch_path(tree, "test", "s1", 0), values)
    image = DfcDataset(make_synthetic(tree, modality="s1")).read_image("test_p0")
    assert (image[0, 0, 0], image[1, 0, 0]) == (-25, -10)


def test_masks_agree_with_derived_labels(written_tree: Path, make_synthetic: Make) -> None:
    data = DfcDataset(make_synthetic(written_tree))
    read_mask = data.open_masks()
    for split in ("train", "val", "test"):
        for image_id, row in zip(data.ids(split), data.labels(split), strict=True):
            mask = read_mask(image_id)
            assert mask.shape == (32, 32) and mask.dtype == np.uint8
            shares = np.array([(mask == index).mean() for index in range(8)])
            assert np.array_equal(row, shares >= 0.1)
            assert row.any()


def test_codes_become_classes(tree: Path) -> None:
    path = patch_path(tree, "test", "dfc", 0)
    codes = np.arange(32 * 32, dtype=np.uint8).reshape(1, 32, 32) % 11
    rewrite(path, codes)
    expected = {0: 255, 1: 0, 2: 1, 3: 255, 4: 2, 5: 3, 6: 4, 7: 5, 8: 255, 9: 6, 10: 7}
    mask = read_classes(path)
    assert {int(c): int(m) for c, m in zip(codes.flat, mask.flat, strict=True)} == expected
    codes[0, 5, 5] = 17
    rewrite(path, codes)
    with pytest.raises(UserError, match=r"_p0\.tif: value 17, valid: DFC2020 codes 0\.\.10"):
        read_classes(path)


def test_masks_do_not_reach_anything_but_open_masks(tree: Path, make_synthetic: Make) -> None:
    before = DfcDataset(make_synthetic(tree))
    index = [before.index(split) for split in ("train", "val", "test")]
    image = before.read_image("test_p0")
    rng = np.random.default_rng(0)
    for folder in ("test", "validation"):
        for number in list_patches(tree, folder, "dfc"):
            noise = rng.integers(1, 11, (1, 32, 32), dtype=np.uint8)
            rewrite(patch_path(tree, folder, "dfc", number), noise)
    after = DfcDataset(make_synthetic(tree))
    assert [after.index(split) for split in ("train", "val", "test")] == index
    assert np.array_equal(after.read_image("test_p0"), image)


def test_datasets_travel_to_worker_processes(written_tree: Path, make_synthetic: Make) -> None:
    data = DfcDataset(make_synthetic(written_tree, cache_mb=8))
    image = data.read_image("test_p0")
    image_there = pickle.loads(pickle.dumps(data)).read_image("test_p0")
    assert np.array_equal(image, image_there)
    assert np.array_equal(image, data.read_image("test_p0"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"modality": "s3"}, "modality=s3: valid: s2, s1, s1s2"),
        ({"direction": "up"}, "direction=up: valid: test_to_validation, validation_to_test"),
        ({"bands": ["B4", "B13"]}, "band 'B13' is unknown; valid with modality=s1s2: B1, B2"),
        ({"modality": "s1", "bands": ["B4"]}, "valid with modality=s1: VV, VH"),
        ({"bands": ["B4", "B4"]}, "duplicate band 'B4'"),
        ({"bands": []}, "bands is empty"),
        ({"val_patches": 0}, "val_patches=0: must be from 1 to 7"),
        ({"val_patches": 8}, "val_patches=8: must be from 1 to 7"),
        ({"labels_file": "none.csv"}, "python -m wsss.data.derive_labels dfc"),
        ({"root": "/nowhere"}, "/nowhere: no such folder; expected ROIs0000_"),
    ],
)
def test_bad_configurations(
    written_tree: Path, make_synthetic: Make, changes: dict[str, object], expected: str
) -> None:
    with pytest.raises(UserError) as caught:
        DfcDataset(make_synthetic(written_tree, **changes))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(tree: Path, make_synthetic: Make) -> None:
    lost = patch_path(tree, "test", "s1", 4)
    lost.unlink()
    with pytest.raises(UserError, match=rf"names 'test_p4', but {lost} is missing"):
        DfcDataset(make_synthetic(tree))
    assert len(DfcDataset(make_synthetic(tree, modality="s2")).ids("train")) == 6
    shutil.rmtree(tree / "ROIs0000_validation" / "s2_0")
    with pytest.raises(UserError, match=r"ROIs0000_validation/s2_0: no such folder"):
        DfcDataset(make_synthetic(tree, modality="s2"))


def test_labels_of_another_dataset(tree: Path, make_synthetic: Make) -> None:
    write_labels(tree / "labels.csv", CLASSES, {"cat_1": (0,)})
    with pytest.raises(UserError, match=r"image id 'cat_1', valid: test_p<number>"):
        DfcDataset(make_synthetic(tree))


def test_bad_files_are_named_when_read(tree: Path, make_synthetic: Make) -> None:
    s2, s1 = (patch_path(tree, "test", sensor, 0) for sensor in ("s2", "s1"))
    data = DfcDataset(make_synthetic(tree))
    rewrite(s1, np.zeros((2, 16, 16), np.float32))
    with pytest.raises(UserError, match=rf"{s1}: size \(16, 16\), but {s2.name} has \(32, 32\)"):
        data.read_image("test_p0")
    rewrite(s2, np.zeros((12, 32, 32), np.uint16))
    with pytest.raises(UserError, match=rf"{s2}: 12 bands, expected 13 \(B1\.\.B12\)"):
        data.read_image("test_p0")
    s2.write_bytes(s2.read_bytes()[:500])
    with pytest.raises(UserError, match=rf"{s2}: broken, truncated"):
        data.read_image("test_p0")


@pytest.mark.parametrize("sensor", ["s1", "s2"])
def test_images_without_coordinates_are_refused(
    tree: Path, make_synthetic: Make, sensor: str
) -> None:
    path = patch_path(tree, "test", sensor, 0)
    with rasterio.open(path) as source:
        values = source.read()
    rewrite(path, values, crs=None)
    data = DfcDataset(make_synthetic(tree))
    with pytest.raises(UserError, match=rf"^{path}: .*expected a GeoTIFF with a CRS$"):
        data.read_image("test_p0")
    assert data.read_image("test_p1").shape == (15, 32, 32)


def test_folders_as_unpacked_from_the_archives(tree: Path, make_synthetic: Make) -> None:
    folder = tree / "ROIs0000_validation" / "s2_0"
    folder.rename(folder.with_name("s2_validation"))
    with pytest.raises(UserError, match=r"ROIs0000_validation/s2_validation: rename it to s2_0"):
        DfcDataset(make_synthetic(tree))


def test_bad_masks_are_named(tree: Path, make_synthetic: Make) -> None:
    data = DfcDataset(make_synthetic(tree))
    read_mask = data.open_masks()
    path = patch_path(tree, "test", "dfc", 0)
    rewrite(path, np.ones((1, 16, 16), np.uint8))
    with pytest.raises(UserError, match=rf"{path}: size \(16, 16\)"):
        read_mask("test_p0")
    path.unlink()
    with pytest.raises(UserError, match=rf"{path}: no such file"):
        read_mask("test_p0")
    shutil.rmtree(path.parent)
    with pytest.raises(UserError, match=r"dfc_0: no such folder"):
        data.open_masks()


def test_genuine_values_under_dfc_names(samples: Path, tmp_path: Path) -> None:
    source = samples / "dfc2020_layout_standin" / "ROIs0000_validation"
    for folder in ("validation", "test"):
        for sensor in ("s1", "s2", "dfc"):
            for number in range(4):
                target = patch_path(tmp_path, folder, sensor, number)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(
                    source / f"{sensor}_0" / f"ROIs0000_validation_{sensor}_0_p{number}.tif"
                )
    assert derive_labels("dfc", tmp_path) == (8, 0)
    table = read_labels(tmp_path / "labels.csv", CLASSES, multi_label=True)
    assert set(table.labels.values()) == {(7,)}
    settings = {"modality": "s1s2", "direction": "validation_to_test", "val_patches": 1}
    full = DfcDataset(configured(DfcConfig, "dfc", tmp_path, **settings))
    assert full.read_image("validation_p3").shape == (15, 256, 256)
    assert full.counts() == {"ROIs0000_test": (4, 5128), "ROIs0000_validation": (4, 986)}
    bands = ["B8A", "B4", "VV", "VH"]
    data = DfcDataset(configured(DfcConfig, "dfc", tmp_path, bands=bands, **settings))
    image = data.read_image("validation_p0")
    assert image.shape == (4, 256, 256)
    with rasterio.open(patch_path(tmp_path, "validation", "s2", 0)) as file:
        assert np.array_equal(image[:2], file.read([9, 4]).astype(np.float32) / 10_000)
        place_of_file, bounds = file.transform, file.bounds
    assert image[:, 10, 20] == pytest.approx([0.1793, 0.1067, -11.72106, -18.410574], abs=1e-5)
    assert image[2:].min() == -25 and image[2:].max() == 0  # the file has -47.05 and 20.05
    mask = data.open_masks()("validation_p0")
    assert [(int(v), int((mask == v).sum())) for v in np.unique(mask)] == [(7, 15707), (255, 49829)]
    assert labels_from_mask(mask, 8, 0.25) == ()
    place = data.georeference("validation_p0")
    assert place is not None
    assert rasterio.CRS.from_wkt(place.crs).to_epsg() == 4326
    assert place.transform == tuple(place_of_file)[:6]
    assert place.transform[2] == pytest.approx(-0.7818936, abs=1e-6)

    write_mask(tmp_path / "mask.tif", mask, data.info, place)
    with rasterio.open(tmp_path / "mask.tif") as written:
        assert (written.bounds, written.transform) == (bounds, place_of_file)
        assert written.crs.to_epsg() == 4326 and written.nodata == 255
        assert written.tags()["CLASS_7"] == "Water"
        assert written.colormap(1)[7][:3] == data.info.palette[7] == (28, 13, 255)

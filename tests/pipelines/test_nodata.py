"""The whole chain on images with a border without data, and one without any."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from helpers import tiny
from helpers.command_line import run_here
from helpers.config_keys.photographs import write_folder

from wsss.data.files.raster import read_index_mask, read_picture

pytestmark = pytest.mark.slow

EMPTY = ("p1", "p7")
FOLDER = ("dataset=folder", "dataset.image_size=16", "dataset.augment.min_scale=1.0", "stage=all")


def _with_border(source: Path, target: Path, under: float) -> None:
    """A copy whose images are GeoTIFFs with a border of nodata, whatever is stored there."""
    shutil.copytree(source, target)
    for path in sorted((target / "images").iterdir()):
        values = read_picture(path)
        values[:, :, :5] = np.nan
        if path.stem in EMPTY:
            values[:] = np.nan
        mask = ~np.isnan(values[0])
        values[:, ~mask] = under
        path.unlink()
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(
                path.with_suffix(".tif"),
                "w",
                driver="GTiff",
                count=3,
                height=values.shape[1],
                width=values.shape[2],
                dtype="float32",
                crs="EPSG:32632",
                transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5.5e6),
            ) as file,
        ):
            file.write(values)
            file.write_mask(mask)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, dict[str, Any]]]:
    """Outputs and metrics of ``evaluate`` for two values under the border."""
    root = tmp_path_factory.mktemp("nodata")
    write_folder(root / "plain")
    found = []
    for name, under in (("zero", 0.0), ("huge", -9999.0)):
        _with_border(root / "plain", root / name, under)
        outputs = root / f"out_{name}"
        synthetic = ("scene", "dataset.scene")
        overrides = tiny.command(outputs, *FOLDER, f"dataset.root={root / name}")[3:]
        kept = [o for o in overrides if not o.startswith(synthetic)]
        done = run_here(kept)
        assert done.returncode == 0, done.stdout + done.stderr
        (metrics,) = outputs.glob("artifacts/evaluate/*/metrics.json")
        found.append((outputs, json.loads(metrics.read_text())))
    return found


def test_what_is_stored_under_the_border_changes_no_bit(
    results: list[tuple[Path, dict[str, Any]]],
) -> None:
    (zero, one), (huge, two) = results
    assert one == two
    first, second = (
        {key.partition("/")[0]: files for key, files in tiny.hashes(outputs).items()}
        for outputs in (zero, huge)
    )
    assert first == second


def test_masks_hold_no_class_where_there_is_no_data(
    results: list[tuple[Path, dict[str, Any]]],
) -> None:
    outputs, _ = results[1]
    masks = sorted(outputs.glob("artifacts/generate/*/*/*.tif"))
    assert masks
    for path in masks:
        mask = read_index_mask(path)
        assert (mask[:, :5] == 255).all()
        assert ((mask == 255).all()) == (path.stem in EMPTY)


def test_pixels_without_data_are_not_scored(results: list[tuple[Path, dict[str, Any]]]) -> None:
    outputs, metrics = results[0]
    confusion = np.array(metrics["segmenter"]["test"]["confusion"])
    masks = [read_index_mask(path) for path in outputs.glob("artifacts/generate/*/test/*.tif")]
    assert any((mask == 255).all() for mask in masks)
    assert confusion.sum() == sum(int((mask != 255).sum()) for mask in masks) > 0

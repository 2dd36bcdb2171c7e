from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image as Pillow

from wsss.data.files.mask_writer import mask_suffix, write_mask
from wsss.data.files.raster import read_georeference, read_index_mask
from wsss.data.types import DatasetInfo, Georeference

INFO = DatasetInfo(
    "tiny", ("land", "sea"), ((0, 153, 0), (28, 13, 255)), ("R",), True, (0, 0, 0), (0, 1), None
)
UTM = Georeference(
    rasterio.CRS.from_epsg(32632).to_wkt(), (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_400_000.0)
)
MASK = np.array([[0, 1, 255], [1, 1, 0]], np.uint8)


@pytest.mark.parametrize("georeference", [None, UTM])
def test_masks_are_read_back_and_bytes_repeat(
    tmp_path: Path, georeference: Georeference | None
) -> None:
    suffix = mask_suffix(georeference)
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    write_mask(first, MASK, INFO, georeference)
    write_mask(second, MASK, INFO, georeference)
    assert first.read_bytes() == second.read_bytes()
    assert np.array_equal(read_index_mask(first), MASK)
    assert sorted(tmp_path.iterdir()) == [first, second]


def test_png_mask_shows_the_palette(tmp_path: Path) -> None:
    write_mask(tmp_path / "m.png", MASK, INFO, None)
    with Pillow.open(tmp_path / "m.png") as picture:
        assert picture.mode == "P"
        shown = np.asarray(picture.convert("RGB"))
    assert shown[0].tolist() == [[0, 153, 0], [28, 13, 255], [240, 240, 240]]


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:32632", (10, 0, 500_000, 0, -10, 5_400_000)),
        ("EPSG:4326", (8.98e-05, 0, -0.78, 0, -8.98e-05, 38.1)),
        ("EPSG:3035", (10, 0, 4_321_000, 0, -20, 3_210_000)),
    ],
)
def test_geotiff_mask_lies_where_its_image_does(
    tmp_path: Path, crs: str, transform: tuple[float, ...]
) -> None:
    height, width = MASK.shape
    profile = dict(driver="GTiff", count=3, height=height, width=width, dtype="uint16", crs=crs)
    place = rasterio.Affine(*transform)
    with rasterio.open(tmp_path / "x.tif", "w", transform=place, **profile) as image:
        image.write(np.zeros((3, height, width), np.uint16))
    write_mask(tmp_path / "m.tif", MASK, INFO, read_georeference(tmp_path / "x.tif"))
    with rasterio.open(tmp_path / "m.tif") as mask, rasterio.open(tmp_path / "x.tif") as image:
        assert mask.crs == image.crs == rasterio.CRS.from_string(crs)
        assert mask.transform == image.transform and mask.bounds == image.bounds
        assert mask.shape == image.shape
        assert np.array_equal(mask.read(1), MASK)
        assert mask.nodata == 255 and np.array_equal(mask.read_masks(1) > 0, MASK != 255)


def test_geotiff_mask_carries_names_and_colours(tmp_path: Path) -> None:
    write_mask(tmp_path / "m.tif", MASK, INFO, UTM)
    with rasterio.open(tmp_path / "m.tif") as source:
        assert (source.nodata, source.dtypes, source.compression.value) == (
            255,
            ("uint8",),
            "DEFLATE",
        )
        tags = source.tags()
        assert (tags["CLASS_0"], tags["CLASS_1"]) == ("land", "sea")
        assert source.colormap(1)[1][:3] == (28, 13, 255)
        assert source.colormap(1)[255][:3] == (240, 240, 240)
        assert source.colorinterp[0].name == "palette"

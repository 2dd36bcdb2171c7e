"""Values where a file holds data, NaN elsewhere; whatever a file declares is applied or refused."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image as Pillow
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

from wsss.data.files.raster import read_georeference, read_index_mask, read_picture
from wsss.data.validity import valid_pixels
from wsss.errors import UserError

VALUES = np.arange(1, 25, dtype=np.float32).reshape(2, 3, 4)
BORDER = np.zeros((3, 4), bool)
BORDER[:, 0] = True
LARGEST = float(np.finfo(np.float32).max)


def write(path: Path, values: NDArray[Any], **options: Any) -> None:
    count, height, width = values.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=count,
            height=height,
            width=width,
            dtype=values.dtype,
            **options,
        ) as target:
            target.write(values)


def with_border(value: float, dtype: str = "float32") -> NDArray[Any]:
    values = VALUES.copy()
    values[:, BORDER] = value
    return values.astype(dtype)


@pytest.mark.parametrize(
    ("value", "dtype", "nodata"),
    [
        (-9999, "float32", -9999),
        (-9999, "int16", -9999),
        (65535, "uint16", 65535),
        (0, "uint8", 0),
        (LARGEST, "float32", LARGEST),
        (-LARGEST, "float32", -3.4028234663852886e38),
        (np.nan, "float32", np.nan),
        (np.nan, "float32", None),
        (np.inf, "float64", None),
    ],
    ids=str,
)
def test_values_without_data_are_nan(
    value: float, dtype: str, nodata: float | None, tmp_path: Path
) -> None:
    write(tmp_path / "x.tif", with_border(value, dtype), nodata=nodata)
    image = read_picture(tmp_path / "x.tif")
    assert np.array_equal(valid_pixels(image), ~BORDER)
    assert np.array_equal(image[:, ~BORDER], VALUES[:, ~BORDER])
    assert np.isnan(image[:, BORDER]).all()


def test_masks_within_the_file(tmp_path: Path) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write(tmp_path / "x.tif", VALUES)
        with rasterio.open(tmp_path / "x.tif", "r+") as file:
            file.write_mask(~BORDER)
    assert np.array_equal(valid_pixels(read_picture(tmp_path / "x.tif")), ~BORDER)


def test_alpha_is_no_band(tmp_path: Path) -> None:
    alpha = np.where(BORDER, 0, 255)[None]
    write(
        tmp_path / "x.tif",
        np.concatenate([VALUES, alpha]).astype(np.uint8),
        photometric="minisblack",
    )
    with rasterio.open(tmp_path / "x.tif", "r+") as file:
        file.colorinterp = [ColorInterp.gray, ColorInterp.undefined, ColorInterp.alpha]
    image = read_picture(tmp_path / "x.tif", ("a", "b"))
    assert image.shape == (2, 3, 4) and np.array_equal(valid_pixels(image), ~BORDER)


def test_a_fourth_band_that_gdal_takes_for_alpha_is_data_where_four_are_wanted(
    tmp_path: Path,
) -> None:
    values = np.arange(48, dtype=np.uint8).reshape(4, 3, 4)
    write(tmp_path / "x.tif", values)
    image = read_picture(tmp_path / "x.tif", ("red", "green", "blue", "nir"))
    assert np.array_equal(image, values.astype(np.float32))
    assert read_picture(tmp_path / "x.tif", ("red", "green", "blue")).shape == (3, 3, 4)


def test_a_pixel_counts_if_any_band_holds_data(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[0, 0, 0] = -1
    write(tmp_path / "x.tif", values, nodata=-1)
    image = read_picture(tmp_path / "x.tif")
    assert np.isnan(image).sum() == 1 and valid_pixels(image).all()


def test_scale_and_offset_are_applied(tmp_path: Path) -> None:
    write(tmp_path / "x.tif", with_border(-9999, "int16"), nodata=-9999)
    with rasterio.open(tmp_path / "x.tif", "r+") as file:
        file.scales, file.offsets = (0.5, 2.0), (-1.0, 0.0)
    image = read_picture(tmp_path / "x.tif")
    assert np.array_equal(image[0, ~BORDER], VALUES[0, ~BORDER] * 0.5 - 1)
    assert np.array_equal(image[1, ~BORDER], VALUES[1, ~BORDER] * 2)
    assert np.isnan(image[:, BORDER]).all()


@pytest.mark.parametrize(
    ("descriptions", "names", "first"),
    [
        (("blue", "Red "), ("red", "blue"), 1),
        (("blue", "red"), ("blue",), 0),
        (("Band 1", "Band 2"), ("red", "blue"), 0),
        ((None, "red"), ("red", "blue"), 0),
    ],
)
def test_bands_are_found_by_name(
    descriptions: tuple[str | None, ...], names: tuple[str, ...], first: int, tmp_path: Path
) -> None:
    write(tmp_path / "x.tif", VALUES)
    with rasterio.open(tmp_path / "x.tif", "r+") as file:
        file.descriptions = descriptions
    image = read_picture(tmp_path / "x.tif", names)
    assert len(image) == len(names) and np.array_equal(image[0], VALUES[first])


def test_complex_values_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "x.tif", VALUES.astype(np.complex64))
    with pytest.raises(UserError, match=r"x\.tif: complex values; write amplitude"):
        read_picture(tmp_path / "x.tif")


@pytest.mark.parametrize(("bend", "fits"), [(0.0, True), (1.0, False)])
def test_ground_control_points(bend: float, fits: bool, tmp_path: Path) -> None:
    write(tmp_path / "x.tif", VALUES)
    with rasterio.open(tmp_path / "x.tif", "r+") as file:
        corners = [
            (0, 0, 9.0, 49.0),
            (0, 4, 9.4, 49.0),
            (3, 0, 9.0, 48.7),
            (3, 4, 9.4 + bend, 48.7),
        ]
        file.gcps = [GroundControlPoint(*c) for c in corners], rasterio.CRS.from_epsg(4326)
    if fits:
        place = read_georeference(tmp_path / "x.tif")
        assert place is not None
        assert place.transform == pytest.approx((0.1, 0, 9, 0, -0.1, 49), abs=1e-9)
        return
    with pytest.raises(UserError, match="ground control points, which no affine transform fits"):
        read_georeference(tmp_path / "x.tif")


def test_files_beside_an_image_are_not_read(tmp_path: Path) -> None:
    write(tmp_path / "x.tif", VALUES)
    (tmp_path / "x.tif.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><NoDataValue>1</NoDataValue></PAMRasterBand>'
        "</PAMDataset>"
    )
    (tmp_path / "x.tif.msk").write_text(
        '<VRTDataset rasterXSize="4" rasterYSize="3"><VRTRasterBand dataType="Byte" band="1"/>'
        "</VRTDataset>"
    )
    assert valid_pixels(read_picture(tmp_path / "x.tif")).all()


def png(values: NDArray[np.uint16], kind: int) -> bytes:
    """A PNG of 16 bits: colour type 2 RGB, 4 grey and alpha, 6 RGBA."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(("kind", "channels", "bands"), [(2, 3, 3), (4, 2, 1), (6, 4, 3)])
def test_pictures_of_sixteen_bits_keep_their_depth(
    kind: int, channels: int, bands: int, tmp_path: Path
) -> None:
    values = np.arange(channels * 4, dtype=np.uint16).reshape(2, 2, channels) * 257 + 300
    (tmp_path / "x.png").write_bytes(png(values, kind))
    image = read_picture(tmp_path / "x.png")
    assert np.array_equal(image, values[..., :bands].transpose(2, 0, 1).astype(np.float32))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_hold_no_data(mode: str, tmp_path: Path) -> None:
    colours = np.full((3, 4, 4), 100, np.uint8)
    colours[BORDER, 3] = 0
    picture = Pillow.fromarray(colours)
    if mode == "P":
        indices = Pillow.fromarray(BORDER.astype(np.uint8)).convert("P")
        indices.putpalette([100, 100, 100, 7, 7, 7])
        indices.save(tmp_path / "x.png", transparency=1)
    else:
        picture.convert(mode).save(tmp_path / "x.png")
    image = read_picture(tmp_path / "x.png")
    assert np.array_equal(valid_pixels(image), ~BORDER)
    assert (image[:, ~BORDER] == 100).all()


def test_formats_are_known_by_content(tmp_path: Path) -> None:
    write(tmp_path / "x.tif", VALUES)
    (tmp_path / "x.tif").rename(tmp_path / "x.png")
    assert np.array_equal(read_picture(tmp_path / "x.png"), VALUES)
    Pillow.new("RGB", (3, 2), (1, 2, 3)).save(tmp_path / "y.png")
    (tmp_path / "y.png").rename(tmp_path / "y.tif")
    assert read_picture(tmp_path / "y.tif")[:, 0, 0].tolist() == [1, 2, 3]
    assert read_georeference(tmp_path / "y.tif") is None


def test_a_huge_image_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    with rasterio.open(
        tmp_path / "x.tif",
        "w",
        driver="GTiff",
        count=3,
        height=60_000,
        width=60_000,
        dtype="uint8",
        sparse_ok=True,
        tiled=True,
    ):
        pass
    with pytest.raises(UserError, match=r"60000 x 60000 pixels of 3 bands, more than dataset.max_"):
        read_picture(tmp_path / "x.tif")
    with pytest.raises(UserError, match="60000 x 60000"):
        read_index_mask(tmp_path / "x.tif", 3)
    Pillow.new("L", (200, 100)).save(tmp_path / "y.png")
    with pytest.raises(
        UserError, match="100 x 200 pixels of 1 bands, more than dataset.max_pixels"
    ):
        read_picture(tmp_path / "y.png", max_pixels=19_999)
    assert read_picture(tmp_path / "y.png", max_pixels=20_000).shape == (1, 100, 200)


@pytest.mark.parametrize(
    ("value", "dtype", "nodata"),
    [
        (np.nan, "float32", np.nan),
        (-9999, "int16", -9999),
        (65535, "uint16", 65535),
        (200, "uint8", 200),
    ],
    ids=str,
)
def test_masks_without_data_are_ignored(
    value: float, dtype: str, nodata: float, tmp_path: Path
) -> None:
    write(tmp_path / "m.tif", with_border(value, dtype)[:1], nodata=nodata)
    mask = read_index_mask(tmp_path / "m.tif", nodata=255)
    assert np.array_equal(mask == 255, BORDER)
    assert np.array_equal(mask[~BORDER], VALUES[0, ~BORDER].astype(np.uint8))

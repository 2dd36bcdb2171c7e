from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image as Pillow

from wsss.data.files.raster import (
    picture_size,
    read_georeference,
    read_geotiff,
    read_index_mask,
    read_picture,
)
from wsss.data.types import Georeference
from wsss.errors import UserError

UTM = Georeference(
    rasterio.CRS.from_epsg(32632).to_wkt(), (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_400_000.0)
)


def write_tiff(path: Path, values: np.ndarray, **options: object) -> None:
    bands, height, width = values.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=bands,
            height=height,
            width=width,
            dtype=values.dtype,
            **options,
        ) as target:
            target.write(values)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("RGB", [[200.0, 10.0, 30.0]]),
        ("RGBA", [[200.0, 10.0, 30.0]]),
        ("P", [[200.0, 10.0, 30.0]]),
        ("L", [[69.0]]),
        ("LA", [[69.0]]),
        ("1", [[0.0], [255.0]]),
    ],
)
def test_pictures_of_every_mode(tmp_path: Path, mode: str, expected: list[list[float]]) -> None:
    colour = Pillow.new("RGB", (3, 2), (200, 10, 30))
    picture = colour.quantize(2) if mode == "P" else colour.convert(mode)
    picture.save(tmp_path / "x.png")
    image = read_picture(tmp_path / "x.png")
    assert image.dtype == np.float32
    assert image.shape == (len(expected[0]), 2, 3)
    assert image[:, 0, 0].tolist() in expected
    assert picture_size(tmp_path / "x.png") == (2, 3)


def test_sixteen_bit_gray_keeps_its_values(tmp_path: Path) -> None:
    Pillow.fromarray(np.array([[0, 40_000]], np.uint16)).save(tmp_path / "x.png")
    assert read_picture(tmp_path / "x.png").tolist() == [[[0.0, 40_000.0]]]


def test_photographs_are_read_as_displayed(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turn by a quarter
    values = np.zeros((2, 3, 3), np.uint8)
    values[0] = 255  # the upper row becomes the right column
    Pillow.fromarray(values).save(tmp_path / "x.png", exif=exif)
    image = read_picture(tmp_path / "x.png")
    assert image.shape == (3, 3, 2) and image[0].tolist() == [[0, 255]] * 3
    assert picture_size(tmp_path / "x.png") == (3, 2)


def test_tiff_bands_and_georeference(tmp_path: Path) -> None:
    values = np.arange(30, dtype=np.uint16).reshape(5, 2, 3) * 1000
    path = tmp_path / "x.TIF"
    write_tiff(path, values, crs=UTM.crs, transform=rasterio.Affine(*UTM.transform))
    assert np.array_equal(read_picture(path), values.astype(np.float32))
    found = read_georeference(path)
    assert found is not None
    assert found.transform == UTM.transform
    assert rasterio.CRS.from_wkt(found.crs) == rasterio.CRS.from_epsg(32632)
    assert picture_size(path) == (2, 3)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32, np.float64])
def test_geotiffs_give_values_as_stored_and_their_place(tmp_path: Path, dtype: type) -> None:
    values: NDArray[Any] = np.arange(30).reshape(5, 2, 3).astype(dtype)
    write_tiff(tmp_path / "x.tif", values, crs=UTM.crs, transform=rasterio.Affine(*UTM.transform))
    found, place = read_geotiff(tmp_path / "x.tif")
    assert found.dtype == dtype and np.array_equal(found, values)
    assert place == read_georeference(tmp_path / "x.tif")
    assert place.transform == UTM.transform


def test_tiffs_without_crs_are_no_geotiffs(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    write_tiff(path, np.zeros((1, 2, 3), np.uint8), transform=rasterio.Affine(*UTM.transform))
    with pytest.raises(UserError, match=rf"{path}: .*expected a GeoTIFF with a CRS"):
        read_geotiff(path)


def test_tiff_without_coordinates_reads_silently(tmp_path: Path) -> None:
    write_tiff(tmp_path / "x.tif", np.zeros((1, 2, 3), np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_georeference(tmp_path / "x.tif") is None
        assert read_picture(tmp_path / "x.tif").shape == (1, 2, 3)


def test_index_masks_of_sixteen_bit_and_tiff(tmp_path: Path) -> None:
    Pillow.fromarray(np.array([[0, 254]], np.uint16)).save(tmp_path / "ok.png")
    assert read_index_mask(tmp_path / "ok.png").tolist() == [[0, 254]]
    write_tiff(tmp_path / "ok.tif", np.array([[[3, 255]]], np.int32))
    mask = read_index_mask(tmp_path / "ok.tif")
    assert mask.tolist() == [[3, 255]] and mask.dtype == np.uint8


def test_the_first_of_several_bands_is_an_index_mask_where_asked(tmp_path: Path) -> None:
    values = np.array([[[3, 255]], [[1, 1]]], np.uint8)
    write_tiff(tmp_path / "m.tif", values)
    assert read_index_mask(tmp_path / "m.tif", 2).tolist() == [[3, 255]]
    with pytest.raises(UserError, match="2 bands, but an index mask has 4"):
        read_index_mask(tmp_path / "m.tif", 4)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[[0, 256]]], np.uint16), "values from 0 to 256, valid: 0..255"),
        (np.array([[[-1, 2]]], np.int16), "values from -1 to 2"),
        (np.array([[[0.5, 2]]], np.float32), "values from 0.5 to 2"),
        (np.array([[[np.nan, 2]]], np.float32), "values from nan"),
        (np.zeros((3, 1, 2), np.uint8), "3 bands, but an index mask has 1"),
    ],
)
def test_tiffs_that_are_no_index_mask(tmp_path: Path, values: np.ndarray, expected: str) -> None:
    write_tiff(tmp_path / "m.tif", values)
    with pytest.raises(UserError, match=expected) as caught:
        read_index_mask(tmp_path / "m.tif")
    assert str(tmp_path / "m.tif") in str(caught.value)


def test_pictures_that_are_no_index_mask(tmp_path: Path) -> None:
    Pillow.new("RGB", (3, 2)).save(tmp_path / "colour.png")
    with pytest.raises(UserError, match=r"colour.png: a picture of mode RGB"):
        read_index_mask(tmp_path / "colour.png")
    Pillow.fromarray(np.array([[300]], np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(UserError, match=r"deep.png: values from 300"):
        read_index_mask(tmp_path / "deep.png")


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.tif"])
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "text"])
def test_unreadable_files_are_named(tmp_path: Path, name: str, damage: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    if path.suffix == ".tif":
        write_tiff(path, noise[None], compress="deflate", crs=UTM.crs)
    else:
        Pillow.fromarray(noise).save(path)
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        spoilt = {"empty": b"", "truncated": content[: len(content) // 2], "text": b"I am a mask"}
        path.write_bytes(spoilt[damage])
    readers: list[Callable[[Path], object]] = [read_picture, read_index_mask, read_geotiff]
    for read in readers:
        with pytest.raises(UserError) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


def test_a_vrt_in_disguise_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.tif"
    write_tiff(secret, np.ones((1, 2, 2), np.uint8))
    (tmp_path / "x.tif").write_text(
        '<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand dataType="Byte" band="1">'
        f"<SimpleSource><SourceFilename>{secret}</SourceFilename><SourceBand>1</SourceBand>"
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(UserError, match=r"x\.tif"):
        read_picture(tmp_path / "x.tif")


def test_genuine_files(samples: Path) -> None:
    mask = samples / "voc2012_sample/VOCdevkit/VOC2012/SegmentationClass/2007_000063.png"
    assert np.unique(read_index_mask(mask)).tolist() == [0, 9, 12, 255]
    assert read_index_mask(mask).shape == (375, 500)
    s1 = samples / "sen1floods11_sample/sample/S1/Spain_7370579_S1Hand.tif"
    assert read_picture(s1).shape == (2, 512, 512)


def test_genuine_pictures_have_the_values_that_pillow_gives(samples: Path) -> None:
    names = ("voc2012_sample/VOCdevkit/VOC2012/JPEGImages", "kvasir_seg_sample/Kvasir-SEG/images")
    for path in [path for name in names for path in sorted((samples / name).iterdir())[:2]]:
        with Pillow.open(path) as picture:
            expected = np.asarray(picture.convert("RGB"), np.float32).transpose(2, 0, 1)
        found = read_picture(path)
        assert found.dtype == np.float32 and found.flags.c_contiguous
        assert np.array_equal(found, expected)

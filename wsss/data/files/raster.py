"""Reading images and masks: TIFF through GDAL, PNG and JPEG through Pillow."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from rasterio.errors import RasterioError

from wsss.data.files.formats import format_of
from wsss.data.files.gdal import (
    data_bands,
    georeference,
    is_masked,
    masked_values,
    open_raster,
    read_bands,
)
from wsss.data.files.photo import GREY_MODES, displayed_size, open_picture, read_values
from wsss.data.types import Georeference, Image, Mask
from wsss.errors import UserError, one_line

MAX_PIXELS = 2**28
"""Most values (pixels times bands) of a file, by default: 1 GiB as float32."""
_INDEX_MODES = (GREY_MODES - {"F"}) | {"P"}
_DECODER_ERRORS = (
    OSError,
    RasterioError,
    SyntaxError,  # raised by Pillow for a broken PNG
    ValueError,
    IndexError,
    EOFError,
    struct.error,
    zlib.error,
    Pillow.DecompressionBombError,
)
_DRIVERS = {"TIFF": "GTiff", "PNG of 16 bits": "PNG"}

Pillow.MAX_IMAGE_PIXELS = None  # `MAX_PIXELS` is checked instead, for every format


def read_picture(path: Path, names: Sequence[str] = (), *, max_pixels: int = MAX_PIXELS) -> Image:
    """Read values ``[bands, H, W]``, e.g. 0..255 of an 8-bit file; NaN where there is no data.

    Formats are known by content. A TIFF is read as `wsss.data.files.gdal.read_bands` says, a PNG
    or JPEG as `wsss.data.files.photo.read_values` does.

    Args:
        path: the file.
        names: bands to return, where the file describes its bands by name.
        max_pixels: most values (pixels times bands), checked before memory is taken.

    Raises:
        UserError: if the file is missing, truncated, too large or not a picture.
    """
    with _opened(path, max_pixels) as source:
        return read_values(source) if _is_picture(source) else read_bands(source, names)


def read_geotiff(path: Path, *, max_pixels: int = MAX_PIXELS) -> tuple[NDArray[Any], Georeference]:
    """Read values ``[bands, H, W]`` as stored, and the location on Earth.

    Values for which the file declares no data are NaN; without any, the type is that of the file.

    Raises:
        UserError: if the file is missing, truncated, too large, not a TIFF or has no CRS.
    """
    with _opened(path, max_pixels) as source:
        if _is_picture(source) or source.driver != "GTiff":
            raise UserError(f"{path}: not a TIFF")
        place = georeference(source)
        if place is None:
            raise UserError(f"{path}: a TIFF without coordinates, expected a GeoTIFF with a CRS")
        bands = data_bands(source, source.count)
        return (read_bands(source) if is_masked(source, bands) else source.read(bands)), place


def picture_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels as displayed, from the header; raises like `read_picture`."""
    with _opened(path, None) as source:
        if _is_picture(source):
            return displayed_size(source)
        return int(source.height), int(source.width)


def read_georeference(path: Path) -> Georeference | None:
    """Location of a TIFF on Earth; ``None`` for a file without CRS and for other formats."""
    with _errors_named(path):
        if format_of(path) != "TIFF":
            return None
    with _opened(path, None) as source:
        return georeference(source)


def read_index_mask(path: Path, bands: int = 1, *, nodata: int | None = None) -> Mask:
    """Read indices ``[H, W]`` in 0..255 from a palette or grey PNG or the first band of a TIFF.

    Palette indices are not converted to colours. A TIFF must have the given number of bands.

    Args:
        path: the file.
        bands: number of bands that a TIFF must have, alpha apart.
        nodata: index of pixels for which a TIFF holds no data; ``None`` for those as stored.

    Raises:
        UserError: if the file is missing, truncated, a colour picture or has values outside 0..255.
    """
    with _opened(path, MAX_PIXELS) as source:
        if _is_picture(source):
            if source.mode not in _INDEX_MODES:
                raise UserError(
                    f"{path}: a picture of mode {source.mode}, but an index mask is a palette or "
                    "grey PNG or a TIFF of one band"
                )
            values: NDArray[Any] = np.asarray(source)
        else:
            if len(data_bands(source, bands)) != bands:
                raise UserError(f"{path}: {source.count} bands, but an index mask has {bands}")
            values = source.read(1) if nodata is None else masked_values(source, 1, nodata)
    if values.dtype in (np.uint8, np.bool_):
        return values.astype(np.uint8)
    if not (values.min() >= 0 and values.max() <= 255 and (values % 1 == 0).all()):
        raise UserError(f"{path}: values from {values.min()} to {values.max()}, valid: 0..255")
    return values.astype(np.uint8)


def _is_picture(source: Any) -> bool:
    return isinstance(source, Pillow.Image)


@contextmanager
def _opened(path: Path, max_pixels: int | None) -> Iterator[Any]:
    """A file opened by Pillow or GDAL, whichever reads its format at full depth."""
    with _errors_named(path):
        driver = _DRIVERS.get(format_of(path))
        with open_picture(path) if driver is None else open_raster(path, driver) as source:
            if max_pixels is not None:
                _check_size(path, source, max_pixels)
            yield source


def _check_size(path: Path, source: Any, most: int) -> None:
    width, height = source.width, source.height
    bands = len(source.getbands()) if _is_picture(source) else source.count
    if width * height * bands > most:
        raise UserError(
            f"{path}: {height} x {width} pixels of {bands} bands, more than "
            f"dataset.max_pixels={most}; raise it if that is right, or cut the image into tiles"
        )


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Convert any error of a decoder into one line that names the file."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        yield
    except UserError:
        raise
    except _DECODER_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the file's
        # rasterio's message only refers to its cause.
        reason = one_line(error.__cause__ or error) or type(error).__name__
        raise UserError(f"{path}: broken, truncated or not a picture ({reason})") from error

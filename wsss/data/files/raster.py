"""Reading images and masks: TIFF through rasterio, PNG and JPEG through Pillow."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image as Pillow
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from wsss.data.types import Georeference, Image, Mask
from wsss.errors import UserError, one_line

_GRAY_MODES = frozenset({"1", "L", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_INDEX_MODES = (_GRAY_MODES - {"F"}) | {"P"}
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
_opening = Lock()  # warning filters are global, and datasets are read in threads


def read_picture(path: Path) -> Image:
    """Read values ``[bands, H, W]`` as stored, e.g. 0..255 of an 8-bit file; NaN stays NaN.

    A TIFF gives its bands in file order. A grey PNG or JPEG gives one band; all others (palette,
    CMYK, with alpha, ...) give red, green and blue. EXIF orientation is not applied.

    Raises:
        UserError: if the file is missing, truncated or not a picture.
    """
    if is_tiff(path):
        with _open_tiff(path) as source:
            return np.asarray(source.read(out_dtype="float32"))
    with _open_picture(path) as picture:
        if picture.mode in ("LA", "1"):
            picture = picture.convert("L")
        elif picture.mode not in _GRAY_MODES and picture.mode != "RGB":
            picture = picture.convert("RGB")
        layers = picture.split()
        values = np.empty((len(layers), picture.height, picture.width), np.float32)
        for band, layer in zip(values, layers, strict=True):
            band[:] = np.asarray(layer)
    return values


def read_geotiff(path: Path) -> tuple[NDArray[Any], Georeference]:
    """Read values ``[bands, H, W]`` as stored, and the location on Earth.

    Raises:
        UserError: if the file is missing, truncated, not a TIFF or has no CRS.
    """
    with _open_tiff(path) as source:
        place = _georeference(source)
        if place is None:
            raise UserError(f"{path}: a TIFF without coordinates, expected a GeoTIFF with a CRS")
        return source.read(), place


def picture_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels, read from the header; raises like `read_picture`."""
    if is_tiff(path):
        with _open_tiff(path) as source:
            return int(source.height), int(source.width)
    with _open_picture(path) as picture:
        return picture.height, picture.width


def read_georeference(path: Path) -> Georeference | None:
    """Location of a TIFF on Earth; ``None`` for a file without CRS and for other formats."""
    if not is_tiff(path):
        return None
    with _open_tiff(path) as source:
        return _georeference(source)


def read_index_mask(path: Path, bands: int = 1) -> Mask:
    """Read indices ``[H, W]`` in 0..255 from a palette or grey PNG or the first band of a TIFF.

    Palette indices are not converted to colours. A TIFF must have the given number of bands.

    Raises:
        UserError: if the file is missing, truncated, a colour picture or has values outside 0..255.
    """
    if is_tiff(path):
        with _open_tiff(path) as source:
            if source.count != bands:
                raise UserError(f"{path}: {source.count} bands, but an index mask has {bands}")
            values: NDArray[Any] = source.read(1)
    else:
        with _open_picture(path) as picture:
            if picture.mode not in _INDEX_MODES:
                raise UserError(
                    f"{path}: a picture of mode {picture.mode}, but an index mask is a palette or "
                    "grey PNG or a TIFF of one band"
                )
            values = np.asarray(picture)
    if values.dtype in (np.uint8, np.bool_):
        return values.astype(np.uint8)
    if not (values.min() >= 0 and values.max() <= 255 and (values % 1 == 0).all()):
        raise UserError(f"{path}: values from {values.min()} to {values.max()}, valid: 0..255")
    return values.astype(np.uint8)


def is_tiff(path: Path) -> bool:
    """Whether a file is a TIFF, by its suffix."""
    return path.suffix.lower() in (".tif", ".tiff")


def _georeference(source: Any) -> Georeference | None:
    if source.crs is None:
        return None
    a, b, c, d, e, f = source.transform[:6]
    return Georeference(source.crs.to_wkt(), (a, b, c, d, e, f))


@contextmanager
def _open_tiff(path: Path) -> Iterator[Any]:
    # Without a fixed driver, GDAL would read a VRT under this name, which can refer to other files
    # and hosts.
    with _errors_named(path):
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            source = rasterio.open(path, driver="GTiff")
        with source:
            yield source


@contextmanager
def _open_picture(path: Path) -> Iterator[Pillow.Image]:
    with _errors_named(path), Pillow.open(path, formats=("PNG", "JPEG")) as picture:
        yield picture


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Convert any error of a decoder into one line that names the file."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        yield
    except _DECODER_ERRORS as error:
        # rasterio's message only refers to its cause.
        reason = one_line(error.__cause__ or error) or type(error).__name__
        raise UserError(f"{path}: broken, truncated or not a picture ({reason})") from error

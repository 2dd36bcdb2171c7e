"""Pictures and masks in and out: GeoTIFF through rasterio, PNG and JPEG through Pillow."""

from __future__ import annotations

import io
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
from rasterio.io import MemoryFile

from wsss.atomic import replacing
from wsss.data.types import IGNORE_INDEX, DatasetInfo, Georeference, Image, Mask
from wsss.errors import UserError

_GRAY_MODES = frozenset({"1", "L", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_INDEX_MODES = (_GRAY_MODES - {"F"}) | {"P"}
_IGNORE_COLOUR = (240, 240, 240)
_DECODER_ERRORS = (
    OSError,
    RasterioError,
    SyntaxError,  # Pillow's word for a broken PNG
    ValueError,
    IndexError,
    EOFError,
    struct.error,
    zlib.error,
    Pillow.DecompressionBombError,
)
_opening = Lock()  # warning filters belong to the process, and datasets are read in threads


def read_picture(path: Path) -> Image:
    """Read raw values ``[bands, H, W]``, e.g. 0..255 of an 8-bit file; NaN stays NaN.

    A TIFF gives its bands in file order. Of other files a gray one gives one band, and every other
    (palette, CMYK, with alpha, ...) three: red, green, blue. EXIF orientation is not applied.

    Raises:
        UserError: where the file is missing, truncated or no picture.
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
    """Read values ``[bands, H, W]`` as they are stored, and where they lie on Earth.

    Raises:
        UserError: where the file is missing, truncated, no TIFF or has no CRS.
    """
    with _open_tiff(path) as source:
        place = _georeference(source)
        if place is None:
            raise UserError(f"{path}: a TIFF without coordinates, expected a GeoTIFF with a CRS")
        return source.read(), place


def picture_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels, from the header alone; raises as `read_picture`."""
    if is_tiff(path):
        with _open_tiff(path) as source:
            return int(source.height), int(source.width)
    with _open_picture(path) as picture:
        return picture.height, picture.width


def read_georeference(path: Path) -> Georeference | None:
    """Where a TIFF lies on Earth, ``None`` where it has no CRS or the file is no TIFF."""
    if not is_tiff(path):
        return None
    with _open_tiff(path) as source:
        return _georeference(source)


def read_index_mask(path: Path, bands: int = 1) -> Mask:
    """Read indices ``[H, W]`` in 0..255: palette or gray PNG, or the first band of a TIFF.

    Palette indices are taken as they are, never turned into colours. A TIFF must have `bands`.

    Raises:
        UserError: where the file is missing, truncated, a colour picture, or has other values.
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
                    "gray PNG or a TIFF of one band"
                )
            values = np.asarray(picture)
    if values.dtype in (np.uint8, np.bool_):
        return values.astype(np.uint8)
    if not (values.min() >= 0 and values.max() <= 255 and (values % 1 == 0).all()):
        raise UserError(f"{path}: values from {values.min()} to {values.max()}, valid: 0..255")
    return values.astype(np.uint8)


def mask_suffix(georeference: Georeference | None) -> str:
    """File name ending of the masks that `write_mask` writes: ``.tif`` or ``.png``."""
    return ".png" if georeference is None else ".tif"


def write_mask(
    path: Path, mask: Mask, info: DatasetInfo, georeference: Georeference | None
) -> None:
    """Write class indices ``[H, W]`` atomically; the same arguments give the same bytes.

    With a georeference the file is a GeoTIFF with a colour table, nodata 255 and a tag
    ``CLASS_<index>`` for each class name, else a palette PNG. `path` should end in `mask_suffix`.
    """
    colours = dict(enumerate(info.palette)) | {IGNORE_INDEX: _IGNORE_COLOUR}
    if georeference is None:
        data = _encode_png(mask, colours)
    else:
        names = {f"CLASS_{index}": name for index, name in enumerate(info.classes)}
        data = _encode_geotiff(mask, colours, names, georeference)
    with replacing(path) as partial:
        partial.write_bytes(data)


def is_tiff(path: Path) -> bool:
    """Whether a file is read as a TIFF, by its name."""
    return path.suffix.lower() in (".tif", ".tiff")


def _encode_png(mask: Mask, colours: dict[int, tuple[int, int, int]]) -> bytes:
    picture = Pillow.fromarray(mask).convert("L")
    picture.putpalette([c for index in range(256) for c in colours.get(index, (0, 0, 0))])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _encode_geotiff(
    mask: Mask,
    colours: dict[int, tuple[int, int, int]],
    tags: dict[str, str],
    georeference: Georeference,
) -> bytes:
    height, width = mask.shape
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=height,
            width=width,
            count=1,
            dtype="uint8",
            nodata=IGNORE_INDEX,
            compress="deflate",
            crs=rasterio.CRS.from_wkt(georeference.crs),
            transform=rasterio.Affine(*georeference.transform),
        ) as target:
            target.write_colormap(1, colours)
            target.update_tags(**tags)
            target.write(mask, 1)
        return bytes(memory.read())


def _georeference(source: Any) -> Georeference | None:
    if source.crs is None:
        return None
    a, b, c, d, e, f = source.transform[:6]
    return Georeference(source.crs.to_wkt(), (a, b, c, d, e, f))


@contextmanager
def _open_tiff(path: Path) -> Iterator[Any]:
    # The driver is named because GDAL would follow a VRT in disguise to other files and hosts.
    with _naming(path):
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            source = rasterio.open(path, driver="GTiff")
        with source:
            yield source


@contextmanager
def _open_picture(path: Path) -> Iterator[Pillow.Image]:
    with _naming(path), Pillow.open(path, formats=("PNG", "JPEG")) as picture:
        yield picture


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn whatever a decoder complains of into one line that names the file."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        yield
    except _DECODER_ERRORS as error:
        # rasterio's own message only points to its cause.
        reason = " ".join(str(error.__cause__ or error).split()) or type(error).__name__
        raise UserError(f"{path}: broken, truncated or no picture ({reason})") from error

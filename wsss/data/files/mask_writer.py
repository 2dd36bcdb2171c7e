"""Writing masks: georeferenced as GeoTIFF through rasterio, others as PNG through Pillow."""

from __future__ import annotations

import io
from pathlib import Path

import rasterio
from PIL import Image as Pillow
from rasterio.io import MemoryFile

from wsss.atomic import replacing
from wsss.data.files.palette import Colour
from wsss.data.types import IGNORE_INDEX, DatasetInfo, Georeference, Mask

_IGNORE_COLOUR = (240, 240, 240)


def mask_suffix(georeference: Georeference | None) -> str:
    """Suffix of the files that `write_mask` writes: ``.tif`` or ``.png``."""
    return ".png" if georeference is None else ".tif"


def write_mask(
    path: Path, mask: Mask, info: DatasetInfo, georeference: Georeference | None
) -> None:
    """Write class indices ``[H, W]`` atomically; equal arguments give equal bytes.

    With a georeference the file is a GeoTIFF with a colour table, nodata 255 and a tag
    ``CLASS_<index>`` with each class name; without, it is a palette PNG. The suffix of `path`
    should be `mask_suffix`.
    """
    colours = dict(enumerate(info.palette)) | {IGNORE_INDEX: _IGNORE_COLOUR}
    if georeference is None:
        data = _encode_png(mask, colours)
    else:
        names = {f"CLASS_{index}": name for index, name in enumerate(info.classes)}
        data = _encode_geotiff(mask, colours, names, georeference)
    with replacing(path, durable=False) as partial:  # thousands; synced before a manifest
        partial.write_bytes(data)


def _encode_png(mask: Mask, colours: dict[int, Colour]) -> bytes:
    picture = Pillow.fromarray(mask).convert("L")
    picture.putpalette([c for index in range(256) for c in colours.get(index, (0, 0, 0))])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _encode_geotiff(
    mask: Mask,
    colours: dict[int, Colour],
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

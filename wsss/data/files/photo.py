"""Reading PNG and JPEG through Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from wsss.data.types import Image

GREY_MODES = frozenset({"1", "L", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)


@contextmanager
def open_picture(path: Path) -> Iterator[Pillow.Image]:
    """An opened PNG or JPEG."""
    with Pillow.open(path, formats=("PNG", "JPEG")) as picture:
        yield picture


def displayed_size(picture: Pillow.Image) -> tuple[int, int]:
    """Height and width after the orientation that the camera noted."""
    turned = picture.getexif().get(_ORIENTATION) in _TURNED
    return (picture.width, picture.height) if turned else (picture.height, picture.width)


def read_values(picture: Pillow.Image) -> Image:
    """Values ``[bands, H, W]`` as displayed, NaN where fully transparent.

    A grey picture gives one band; all others give red, green and blue. The orientation that the
    camera noted is applied.
    """
    if picture.getexif().get(_ORIENTATION, 1) != 1:
        picture = ImageOps.exif_transpose(picture)
    hidden = None
    if "A" in picture.getbands() or "transparency" in picture.info:
        hidden = np.asarray(picture.convert("RGBA").getchannel("A")) == 0
    if picture.mode in ("LA", "1"):
        picture = picture.convert("L")
    elif picture.mode not in GREY_MODES and picture.mode != "RGB":
        picture = picture.convert("RGB")
    layers = picture.split()
    values = np.empty((len(layers), picture.height, picture.width), np.float32)
    for band, layer in zip(values, layers, strict=True):
        band[:] = np.asarray(layer)
    if hidden is not None:
        values[:, hidden] = np.nan
    return values

"""Whether a mask lies where its image lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from wsss.data.types import Georeference, Mask
from wsss.errors import UserError

_TOLERANCE = 0.5
"""Pixels by which a corner of a mask may be off."""


def check_mask_size(path: Path, mask: Mask, size: tuple[int, int]) -> None:
    """`UserError` unless a mask ``[H, W]`` has the size of its image as displayed."""
    if mask.shape == size:
        return
    turned = "; is the mask without the turn that the camera noted in the image?"
    hint = turned if mask.shape == size[::-1] else ""
    raise UserError(f"{path}: size {mask.shape}, but its image has {size}{hint}")


def check_mask_place(
    path: Path,
    mask: Georeference | None,
    image: Georeference | None,
    size: tuple[int, int],
) -> None:
    """`UserError` if mask and image have coordinates, and their corners differ.

    Args:
        path: of the mask, for the message.
        mask: location of the mask.
        image: location of the image.
        size: height and width of both.
    """
    if mask is None or image is None or mask == image:
        return
    if rasterio.CRS.from_wkt(mask.crs) != rasterio.CRS.from_wkt(image.crs):
        systems = " and ".join(_name(place.crs) for place in (mask, image))
        raise UserError(f"{path}: mask and image have different coordinate systems ({systems})")
    height, width = size
    to_pixels = ~rasterio.Affine(*image.transform) @ rasterio.Affine(*mask.transform)
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height)], float)
    off = max(np.abs(np.subtract(to_pixels @ tuple(c), c)).max() for c in corners)
    if off > _TOLERANCE:
        raise UserError(
            f"{path}: the mask lies elsewhere than its image, by up to {off:.0f} pixels; "
            "are its rows bottom-up, or is it another tile?"
        )


def _name(wkt: str) -> str:
    code = rasterio.CRS.from_wkt(wkt).to_epsg()
    return wkt.split('"')[1] if code is None else f"EPSG:{code}"

"""Reading pseudo-masks."""

from __future__ import annotations

from pathlib import Path

from wsss.data.files.raster import read_index_mask
from wsss.data.types import Mask, Split


def read_pseudo_mask(directory: Path, split: Split, image_id: str) -> Mask:
    """The pseudo-mask ``[H, W]`` of an image, from an artifact of stage ``generate``."""
    stem = directory / split / image_id
    georeferenced = stem.with_name(stem.name + ".tif")
    plain = stem.with_name(stem.name + ".png")
    return read_index_mask(georeferenced if georeferenced.exists() else plain)

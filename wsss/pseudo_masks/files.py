"""Reading pseudo-masks."""

from __future__ import annotations

from pathlib import Path

from wsss.data.files.raster import read_index_mask
from wsss.data.types import Mask, Split
from wsss.errors import UserError


def kept_mask(path: Path, size: tuple[int, int]) -> Mask | None:
    """A mask that an interrupted run left, if it is whole and has the size of its image."""
    if not path.exists():
        return None
    try:
        mask = read_index_mask(path)
    except UserError:
        return None
    return mask if mask.shape == size else None


def read_pseudo_mask(directory: Path, split: Split, image_id: str) -> Mask:
    """The pseudo-mask ``[H, W]`` of an image, from an artifact of stage ``generate``."""
    stem = directory / split / image_id
    georeferenced = stem.with_name(stem.name + ".tif")
    plain = stem.with_name(stem.name + ".png")
    return read_index_mask(georeferenced if georeferenced.exists() else plain)

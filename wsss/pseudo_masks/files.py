"""Pseudo-masks on disk."""

from __future__ import annotations

from pathlib import Path

from wsss.data.files.raster import read_index_mask
from wsss.data.types import Mask, Split


def read_pseudo_mask(directory: Path, split: Split, image_id: str) -> Mask:
    """The pseudo-mask of an image in the artifact ``directory``, ``[H, W]``."""
    stem = directory / split / image_id
    georeferenced = stem.with_name(stem.name + ".tif")
    plain = stem.with_name(stem.name + ".png")
    return read_index_mask(georeferenced if georeferenced.exists() else plain)

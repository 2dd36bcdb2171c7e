"""The DFC2020 tree on disk: folders, files, image ids, bands and class codes."""

from __future__ import annotations

import re
from pathlib import Path

from wsss.data.files.codes import ClassCodes
from wsss.data.files.raster import read_index_mask
from wsss.data.types import Mask
from wsss.errors import UserError

CLASS_CODES = {
    "Forest": 1,
    "Shrubland": 2,
    "Grassland": 4,
    "Wetland": 5,
    "Cropland": 6,
    "Urban": 7,
    "Barren": 9,
    "Water": 10,
}
"""Code of each class in the mask files, in the order of class indices."""
CLASSES = tuple(CLASS_CODES)
BANDS = {
    "s2": ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"),
    "s1": ("VV", "VH"),
}
"""Bands of each sensor's files, in file order."""
FOLDERS = ("test", "validation")
TREE = "ROIs0000_{validation,test}/{s1,s2,lc,dfc}_0/ROIs0000_<folder>_<sensor>_0_p<number>.tif"

#: Unlabelled 0, savanna 3 and snow 8 are ignored.
_CODES = ClassCodes(
    {code: index for index, code in enumerate(CLASS_CODES.values())},
    ignored=(0, 3, 8),
    valid="DFC2020 codes 0..10",
)


def patch_path(root: Path, folder: str, sensor: str, number: int) -> Path:
    """File of a patch; `folder` is one of `FOLDERS`, `sensor` one of s1, s2, lc, dfc."""
    directory = root / f"ROIs0000_{folder}" / f"{sensor}_0"
    return directory / f"ROIs0000_{folder}_{sensor}_0_p{number}.tif"


def patch_id(folder: str, number: int) -> str:
    """Image id of a patch, e.g. ``test_p12``."""
    return f"{folder}_p{number}"


def list_patches(root: Path, folder: str, sensor: str) -> list[int]:
    """Numbers of the patches on disk, ascending; `UserError` if the folder is missing."""
    directory = check_folder(root, folder, sensor)
    pattern = re.compile(rf"ROIs0000_{folder}_{sensor}_0_p(0|[1-9]\d*)\.tif")
    matches = (pattern.fullmatch(path.name) for path in directory.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def read_classes(path: Path) -> Mask:
    """Read a mask file as class indices ``[H, W]`` in 0..7 or `IGNORE_INDEX`.

    Raises:
        UserError: names a file that is broken or has a code outside 0..10.
    """
    return _CODES.decode(read_index_mask(path), path)


def check_folder(root: Path, folder: str, sensor: str) -> Path:
    """Folder of a sensor's files; `UserError` if it is missing."""
    directory = root / f"ROIs0000_{folder}" / f"{sensor}_0"
    if not directory.is_dir():
        as_unpacked = directory.with_name(f"{sensor}_{folder}")  # as in IEEE DataPort's archives
        if as_unpacked.is_dir():
            raise UserError(f"{as_unpacked}: rename it to {directory.name}")
        missing = directory if root.is_dir() else root
        raise UserError(f"{missing}: no such folder; expected {TREE} under {root}")
    return directory


def parse_id(image_id: str) -> tuple[str, int] | None:
    """Folder and number of an image id from `patch_id`, ``None`` for any other text."""
    match = re.fullmatch(r"(test|validation)_p(0|[1-9]\d*)", image_id)
    return (match[1], int(match[2])) if match else None

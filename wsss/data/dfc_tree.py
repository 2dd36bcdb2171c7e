"""The DFC2020 tree on disk: its folders, files, image ids, bands and mask codes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from wsss.data.base import IGNORE_INDEX, Mask
from wsss.data.raster import read_index_mask
from wsss.data.scenes import CLASS_CODES
from wsss.errors import UserError

CLASSES = tuple(CLASS_CODES)
BANDS = {
    "s2": ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"),
    "s1": ("VV", "VH"),
}
"""Bands of each sensor's files, in file order."""
LABEL_MIN_SHARE = 0.10
"""Share of a patch that a class must cover to be one of its image labels."""
FOLDERS = ("test", "validation")
TREE = "ROIs0000_{validation,test}/{s1,s2,dfc}_0/ROIs0000_<folder>_<sensor>_0_p<number>.tif"

_BAD_CODE = 254
#: Class of each code in a mask file; unlabelled 0, Savanna 3 and Snow 8 do not count.
_CLASS_OF_CODE = np.full(256, _BAD_CODE, np.uint8)
_CLASS_OF_CODE[[0, 3, 8]] = IGNORE_INDEX
_CLASS_OF_CODE[list(CLASS_CODES.values())] = range(len(CLASS_CODES))


def patch_path(root: Path, folder: str, sensor: str, number: int) -> Path:
    """File of a patch; `folder` of `FOLDERS`, `sensor` one of s1, s2, dfc."""
    directory = root / f"ROIs0000_{folder}" / f"{sensor}_0"
    return directory / f"ROIs0000_{folder}_{sensor}_0_p{number}.tif"


def patch_id(folder: str, number: int) -> str:
    """Image id of a patch, e.g. ``test_p12``."""
    return f"{folder}_p{number}"


def list_patches(root: Path, folder: str, sensor: str) -> list[int]:
    """Rising numbers of the patches on disk; `UserError` where the folder is missing."""
    directory = check_folder(root, folder, sensor)
    pattern = re.compile(rf"ROIs0000_{folder}_{sensor}_0_p(0|[1-9]\d*)\.tif")
    matches = (pattern.fullmatch(path.name) for path in directory.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def read_classes(path: Path) -> Mask:
    """Read a mask file's codes as classes ``[H, W]`` of 0..7, `IGNORE_INDEX` where none counts.

    Raises:
        UserError: naming a file that is broken or has a code out of 0..10.
    """
    codes = read_index_mask(path)
    mask = _CLASS_OF_CODE[codes]
    if (mask == _BAD_CODE).any():
        raise UserError(f"{path}: code {codes[mask == _BAD_CODE][0]}, valid: DFC2020 codes 0..10")
    return mask


def check_folder(root: Path, folder: str, sensor: str) -> Path:
    """Folder of a sensor's files; `UserError` where it is missing."""
    directory = root / f"ROIs0000_{folder}" / f"{sensor}_0"
    if not directory.is_dir():
        missing = directory if root.is_dir() else root
        raise UserError(f"{missing}: no such folder; expected {TREE} under {root}")
    return directory


def parse_id(image_id: str) -> tuple[str, int] | None:
    """Folder and number of an image id of `patch_id`, None where it is not one."""
    match = re.fullmatch(r"(test|validation)_p(0|[1-9]\d*)", image_id)
    return (match[1], int(match[2])) if match else None

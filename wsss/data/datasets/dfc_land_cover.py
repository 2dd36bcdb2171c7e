"""Land cover that image labels of DFC2020 can be derived from: its own masks, or coarse maps.

The coarse maps are SEN12MS's: MODIS land cover in IGBP classes of about 500 m, brought to 10 m.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wsss.data.datasets.dfc_tree import (
    CLASSES,
    FOLDERS,
    TREE,
    list_patches,
    patch_id,
    patch_path,
    read_classes,
)
from wsss.data.files.codes import ClassCodes
from wsss.data.files.raster import read_index_mask
from wsss.data.types import Mask
from wsss.errors import UserError

MIN_SHARE = 0.10
"""Share of a patch that a class must cover to be one of its image labels."""

_COARSE_BANDS = 4  # IGBP, then three layers of LCCS
#: DFC2020's simplified scheme: of IGBP's 17 classes, savannas 8 and 9 and snow 15 do not count.
_IGBP = {
    "Forest": (1, 2, 3, 4, 5),
    "Shrubland": (6, 7),
    "Grassland": (10,),
    "Wetland": (11,),
    "Cropland": (12, 14),
    "Urban": (13,),
    "Barren": (16,),
    "Water": (17,),
}
_IGBP_CODES = ClassCodes(
    {code: CLASSES.index(name) for name, codes in _IGBP.items() for code in codes},
    ignored=(0, 8, 9, 15, 255),
    valid="IGBP codes 1..17, 0 and 255 where unknown",
)


def read_coarse_classes(path: Path) -> Mask:
    """Read the IGBP codes of an ``lc`` file as classes ``[H, W]`` of 0..7, `IGNORE_INDEX` else.

    Raises:
        UserError: naming a file that is broken, has not four bands or holds another code.
    """
    return _IGBP_CODES.decode(read_index_mask(path, _COARSE_BANDS), path)


SOURCES = {"dfc": read_classes, "lc": read_coarse_classes}
"""How the land cover of a patch is read, by the folder that it comes from."""


def classes(root: Path) -> tuple[str, ...]:
    """Names of the classes, in the order of the indices that `labelled_masks` gives."""
    return CLASSES


def labelled_masks(root: Path, source: str = "dfc") -> Iterator[tuple[str, Mask]]:
    """Image id and land cover ``[H, W]`` of every patch below `root` that has some.

    Raises:
        UserError: where no file of `source`, a key of `SOURCES`, is found, or one is broken.
    """
    folders = [folder for folder in FOLDERS if (root / f"ROIs0000_{folder}").is_dir()]
    patches = [(f, number) for f in folders for number in list_patches(root, f, source)]
    if not patches:
        raise UserError(f"{root}: no mask found; expected {TREE}")
    for folder, number in patches:
        path = patch_path(root, folder, source, number)
        yield patch_id(folder, number), SOURCES[source](path)

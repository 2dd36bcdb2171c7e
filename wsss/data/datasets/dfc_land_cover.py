"""Land cover that image labels of DFC2020 are derived from: its masks, or coarse maps.

The coarse maps come from SEN12MS: MODIS land cover in IGBP classes at about 500 m, resampled to
10 m.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
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
from wsss.data.mask_labels import MaskLabels
from wsss.data.types import Mask
from wsss.errors import UserError

_COARSE_BANDS = 4  # IGBP, then three layers of LCCS
#: DFC2020's simplified scheme: of IGBP's 17 classes, savannas 8 and 9 and snow 15 are ignored.
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
    """Read the IGBP codes of an ``lc`` file as class indices ``[H, W]`` in 0..7 or `IGNORE_INDEX`.

    Raises:
        UserError: names a file that is broken, does not have four bands or has an unknown code.
    """
    return _IGBP_CODES.decode(read_index_mask(path, _COARSE_BANDS), path)


def _land_cover(
    source: str, read: Callable[[Path], Mask], root: Path
) -> Iterator[tuple[str, Mask]]:
    folders = [folder for folder in FOLDERS if (root / f"ROIs0000_{folder}").is_dir()]
    patches = [(f, number) for f in folders for number in list_patches(root, f, source)]
    if not patches:
        raise UserError(f"{root}: no mask found; expected {TREE}")
    for folder, number in patches:
        yield patch_id(folder, number), read(patch_path(root, folder, source, number))


MASK_LABELS = MaskLabels(
    classes=lambda root: CLASSES,
    sources={
        "dfc": partial(_land_cover, "dfc", read_classes),
        "lc": partial(_land_cover, "lc", read_coarse_classes),
    },
    min_share=0.10,
)
"""The masks (``dfc``) or the coarse maps (``lc``)."""

"""A tiny Cityscapes: one folder per city, label ids in gtFine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from helpers.copies.drawing import Pixels, cut_short, scene

OVERRIDES = ("dataset.val_images=4",)
TRAIN = (
    *(f"aachen_{number:06}_000019" for number in range(6)),
    *(f"bochum_000000_{number:06}" for number in (313, 600, 885, 1097, 1519, 1828)),
)
VAL = tuple(f"frankfurt_000001_{number:06}" for number in (7, 234, 576, 1020, 1236, 2196))
SIZES = ((24, 48), (32, 40), (44, 30), (30, 30))


def make(root: Path) -> None:
    """Twelve training and six validation images: road, building, sky and cars in the ego car."""
    from wsss.data.derive_labels import derive_labels

    rng = np.random.default_rng(0)
    for folder, ids in (("train", TRAIN), ("val", VAL)):
        for index, image_id in enumerate(ids):
            shown = ([7, 11], [7, 23], [11, 26, 23])[index % 3]
            rgb, mask = scene(rng, SIZES[index % len(SIZES)], shown)
            mask[-1] = 1  # ego vehicle, which no class counts for
            _save(picture_path(root, folder, image_id), rgb)
            _save(mask_path(root, folder, image_id), mask)
    derive_labels("cityscapes", root)


def picture_path(root: Path, folder: str, image_id: str) -> Path:
    """File of an image; `folder` is train or val."""
    city = image_id.split("_")[0]
    return root / "leftImg8bit" / folder / city / f"{image_id}_leftImg8bit.png"


def mask_path(root: Path, folder: str, image_id: str) -> Path:
    """File of the label ids of an image; `folder` is train or val."""
    city = image_id.split("_")[0]
    return root / "gtFine" / folder / city / f"{image_id}_gtFine_labelIds.png"


def _save(path: Path, pixels: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(pixels).save(path)


def _spoil_mask(value: int, size: tuple[int, int]) -> Callable[[Path], object]:
    return lambda root: Pillow.new("L", size, value).save(mask_path(root, "val", VAL[0]))


_DERIVE = "python -m wsss.data.derive_labels cityscapes"
FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no pictures": (
        lambda root: (root / "leftImg8bit").rename(root / "images"),
        ("leftImg8bit/train", "no such folder"),
    ),
    "no labels": (lambda root: (root / "labels.csv").unlink(), ("labels.csv", _DERIVE)),
    "no picture": (
        lambda root: picture_path(root, "train", TRAIN[5]).unlink(),
        ("labels.csv", f"'{TRAIN[5]}'", "no folder has that image"),
    ),
    "picture cut short": (
        lambda root: cut_short(picture_path(root, "train", TRAIN[5])),
        (f"{TRAIN[5]}_leftImg8bit.png", "broken"),
    ),
    "training ids for label ids": (
        _spoil_mask(255, SIZES[0][::-1]),
        (f"{VAL[0]}_gtFine_labelIds.png", "value 255", "label ids 0..33"),
    ),
    "mask of another size": (
        _spoil_mask(7, (7, 5)),
        (f"{VAL[0]}_gtFine_labelIds.png", "size (5, 7)"),
    ),
}

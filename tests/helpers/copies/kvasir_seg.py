"""A tiny Kvasir-SEG: every frame shows a polyp, masks are JPEGs of three bands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from helpers.copies.drawing import cut_short, scene
from wsss.data.holdout import hold_out

OVERRIDES = ("dataset.val_images=4", "dataset.test_images=6")
IDS = tuple(f"cju0{number:05}bl{number:03}0993l0dewei" for number in range(22))
SIZES = ((32, 48), (48, 36), (30, 30), (24, 44))


def make(root: Path) -> None:
    """Twelve images to train, four and six to hold out."""
    draw_polyps(root / "images", root / "masks", IDS)
    (root / "kavsir_bboxes.json").write_text("{}")  # its providers' spelling; not used


def draw_polyps(images: Path, masks: Path, ids: Sequence[str]) -> None:
    rng = np.random.default_rng(0)
    for folder in (images, masks):
        folder.mkdir(parents=True)
    for index, image_id in enumerate(ids):
        rgb, mask = scene(rng, SIZES[index % len(SIZES)], (0, 1))
        Pillow.fromarray(rgb).save(images / f"{image_id}.jpg", quality=95)
        white = np.repeat(255 * mask[..., None], 3, axis=2)
        Pillow.fromarray(white).save(masks / f"{image_id}.jpg", quality=90)


def spoil_masks(
    masks: str, image_id: str
) -> dict[str, tuple[Callable[[Path], object], tuple[str, ...]]]:
    """Faults of the mask of an image, in a folder below the root."""
    name = f"{masks}/{image_id}.jpg"

    def photograph(root: Path) -> None:
        with Pillow.open(root / name) as mask:
            size = mask.size
        Pillow.new("RGB", size, (120, 90, 80)).save(root / name)

    return {
        "no mask": (lambda root: (root / name).unlink(), (f"{image_id}.jpg", "without a mask")),
        "mask cut short": (lambda root: cut_short(root / name), (name, "broken")),
        "mask of another size": (
            lambda root: Pillow.new("RGB", (7, 5)).save(root / name),
            (name, "size (5, 7)"),
        ),
        "photograph for a mask": (photograph, (name, "gray in 100%")),
    }


_TEST = hold_out(IDS, 6, "test")[1][0]
FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no pictures": (
        lambda root: (root / "images").rename(root / "pictures"),
        ("images", "no such folder", "dataset.images"),
    ),
    "no picture": (
        lambda root: (root / f"images/{IDS[3]}.jpg").unlink(),
        (f"masks/{IDS[3]}.jpg", "without an image"),
    ),
    "picture cut short": (
        lambda root: cut_short(root / f"images/{IDS[3]}.jpg"),
        (f"images/{IDS[3]}.jpg", "broken"),
    ),
    **spoil_masks("masks", _TEST),
}

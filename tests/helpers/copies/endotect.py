"""A tiny HyperKvasir: segmented polyps, and labelled frames of the lower tract."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from helpers.copies.drawing import cut_short, scene
from helpers.copies.kvasir_seg import SIZES, draw_polyps, spoil_masks
from wsss.data.holdout import hold_out

OVERRIDES = ("dataset.val_images=4", "dataset.test_images=6")
IMAGES, MASKS = "segmented-images/images", "segmented-images/masks"
LOWER = "labeled-images/lower-gi-tract"
CECUM = f"{LOWER}/anatomical-landmarks/cecum"
CLEAN = f"{LOWER}/quality-of-mucosal-views/bbps-2-3"
LABELLED_POLYPS = f"{LOWER}/pathological-findings/polyps"
IDS = tuple(f"{number:08x}-7401-4f3a-bacb-{number:012x}" for number in range(23))
POLYPS, LANDMARKS, CLEAN_VIEWS, REPEATED = IDS[:12], IDS[12:17], IDS[17:22], IDS[22]


def make(root: Path) -> None:
    """Twelve frames with a polyp, ten without; one polyp again in the labelled folder."""
    draw_polyps(root / IMAGES, root / MASKS, POLYPS)
    (root / "segmented-images/bounding-boxes.json").write_text("{}")
    rng = np.random.default_rng(1)
    for folder, ids in ((CECUM, LANDMARKS), (CLEAN, CLEAN_VIEWS)):
        (root / folder).mkdir(parents=True)
        for index, image_id in enumerate(ids):
            rgb, _ = scene(rng, SIZES[index % len(SIZES)], (0,))
            Pillow.fromarray(rgb).save(root / folder / f"{image_id}.jpg", quality=95)
    (root / LABELLED_POLYPS).mkdir(parents=True)
    shutil.copy(root / IMAGES / f"{POLYPS[0]}.jpg", root / LABELLED_POLYPS / f"{REPEATED}.jpg")


def _stand_twice(root: Path) -> None:
    shutil.copy(root / CECUM / f"{LANDMARKS[0]}.jpg", root / CLEAN)


_TEST = hold_out(POLYPS, 3, "test")[1][0]
FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no negatives": (
        lambda root: shutil.rmtree(root / CLEAN),
        ("bbps-2-3", "no such folder", "dataset.negatives"),
    ),
    "id in two folders": (_stand_twice, (f"{LANDMARKS[0]}.jpg", "in another folder")),
    "negative cut short": (
        lambda root: cut_short(root / CECUM / f"{LANDMARKS[1]}.jpg"),
        (f"{LANDMARKS[1]}.jpg", "broken"),
    ),
    **spoil_masks(MASKS, _TEST),
}

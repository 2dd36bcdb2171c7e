"""A tiny ADEChallengeData2016: scenes without a background and a list of 150 classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from helpers.copies.drawing import cut_short, scene

OVERRIDES = ("dataset.val_images=4",)
TRAIN = tuple(f"ADE_train_{number:08}" for number in range(1, 13))
VAL = tuple(f"ADE_val_{number:08}" for number in range(1, 7))
SIZES = ((32, 48), (48, 36), (30, 30), (24, 44))
#: As the genuine list writes them, with its stray spaces.
FIRST_ROWS = ("wall", "building, edifice", "sky", "floor, flooring", "tree", "ceiling", "bed ")


def make(root: Path) -> None:
    """Twelve training and six validation images with values 1, 3, 5 and 150 around 0."""
    from wsss.data.derive_labels import derive_labels

    rng = np.random.default_rng(0)
    rows = [*FIRST_ROWS, *(f"thing {i}, object" for i in range(len(FIRST_ROWS) + 1, 151))]
    lines = [f"{index} \t0.0100\t100\t10\t{name}" for index, name in enumerate(rows, 1)]
    root.mkdir(parents=True, exist_ok=True)
    (root / "objectInfo150.txt").write_text("\n".join(["Idx\tRatio\tTrain\tVal\tName", *lines]))
    for folder, ids in (("training", TRAIN), ("validation", VAL)):
        (root / "images" / folder).mkdir(parents=True)
        (root / "annotations" / folder).mkdir(parents=True)
        for index, image_id in enumerate(ids):
            shown = ([1, 3], [3, 5], [1, 150, 5])[index % 3]
            rgb, mask = scene(rng, SIZES[index % len(SIZES)], shown)
            mask[0] = 0
            Pillow.fromarray(rgb).save(root / "images" / folder / f"{image_id}.jpg", quality=95)
            Pillow.fromarray(mask).save(root / "annotations" / folder / f"{image_id}.png")
    derive_labels("ade20k", root)


def _without(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).unlink()


def _cut_list(root: Path) -> None:
    path = root / "objectInfo150.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:100]))


def _shuffle_list(root: Path) -> None:
    path = root / "objectInfo150.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[2], lines[1], *lines[3:]]))


def _spoil_mask(value: int, size: tuple[int, int]) -> Callable[[Path], object]:
    path = f"annotations/validation/{VAL[0]}.png"
    return lambda root: Pillow.new("L", size, value).save(root / path)


_DERIVE = "python -m wsss.data.derive_labels ade20k"
FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no pictures": (
        lambda root: (root / "images/training").rename(root / "images/train"),
        ("images/training", "no such folder", "ADEChallengeData2016"),
    ),
    "no class list": (_without("objectInfo150.txt"), ("objectInfo150.txt", "no such class list")),
    "class list cut short": (_cut_list, ("objectInfo150.txt", "99 classes, expected 150")),
    "class list in disorder": (_shuffle_list, ("objectInfo150.txt", "row 1", "expected Idx 1")),
    "no labels": (_without("labels.csv"), ("labels.csv", _DERIVE)),
    "no picture": (
        _without(f"images/training/{TRAIN[5]}.jpg"),
        ("labels.csv", f"'{TRAIN[5]}'", "no folder has that image"),
    ),
    "picture cut short": (
        lambda root: cut_short(root / f"images/training/{TRAIN[5]}.jpg"),
        (f"{TRAIN[5]}.jpg", "broken"),
    ),
    "class out of range in a mask": (
        _spoil_mask(151, SIZES[0][::-1]),
        (f"{VAL[0]}.png", "value 151", "0..150"),
    ),
    "mask of another size": (_spoil_mask(1, (7, 5)), (f"{VAL[0]}.png", "size (5, 7)")),
}

"""A user's own folder: PNG and JPEG pictures of any size, some of nothing but background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from helpers.copies.drawing import scene
from wsss.data.files.labels import write_labels
from wsss.data.files.palette import voc_colours
from wsss.data.types import Split

OVERRIDES = ("dataset.background=background",)
CLASSES = ("background", "cat", "dog", "cow")
SPLITS: dict[Split, int] = {"train": 12, "val": 4, "test": 6}
SIZES = ((32, 48), (48, 36), (30, 30), (24, 44))
SHOWN = ((0, 1), (0, 2), (0, 3, 1), (0, 2, 3), (0,))


def make(root: Path) -> None:
    """Twelve training, four validation and six test images; the split stands in labels.csv."""
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    (root / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    labels: dict[str, tuple[int, ...]] = {}
    splits: dict[str, Split] = {}
    for split, count in SPLITS.items():
        for number in range(count):
            image_id = f"{split}_{number}"
            shown = SHOWN[number % len(SHOWN)]
            rgb, mask = scene(rng, SIZES[number % len(SIZES)], shown)
            mask[0] = 255
            name = f"{image_id}.png" if number % 2 else f"{image_id}.jpg"
            Pillow.fromarray(rgb).save(root / "images" / name)
            picture = Pillow.fromarray(mask)
            if number % 3:
                picture.putpalette([value for colour in voc_colours(256) for value in colour])
            picture.save(root / "masks" / f"{image_id}.png")
            labels[image_id] = tuple(index - 1 for index in shown if index)
            splits[image_id] = split
    write_labels(root / "labels.csv", CLASSES[1:], labels, splits)


def _edit(name: str, old: str, new: str) -> Callable[[Path], object]:
    def edit(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new, 1))

    return edit


def _without(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).unlink()


def _picture(name: str, mode: str, size: tuple[int, int], value: int) -> Callable[[Path], object]:
    return lambda root: Pillow.new(mode, size, value).save(root / name)


def _cut(root: Path) -> None:
    path = root / "images/train_3.png"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


_MASK = "masks/test_0.png"
_SIZE = SIZES[0][::-1]
FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no pictures": (
        lambda root: (root / "images").rename(root / "pictures"),
        ("images", "no such folder"),
    ),
    "no class list": (_without("classes.txt"), ("classes.txt", "no such class list")),
    "class twice": (
        _edit("classes.txt", "dog", "cat"),
        ("classes.txt", "duplicate class 'cat'"),
    ),
    "no background in the class list": (
        _edit("classes.txt", "background", "nothing"),
        ("dataset.background is 'background'", "nothing, cat, dog, cow"),
    ),
    "no labels": (_without("labels.csv"), ("labels.csv", "no such labels file")),
    "unknown class in the labels": (
        _edit("labels.csv", "dog", "bird"),
        ("labels.csv", "'bird' is not in the class list"),
    ),
    "label that is neither 0 nor 1": (
        _edit("labels.csv", "train_0,1", "train_0,yes"),
        ("labels.csv, line 2", "'yes' in column 'cat'", "0, 1"),
    ),
    "id twice": (
        _edit("labels.csv", "train_1,", "train_0,"),
        ("labels.csv, line 3", "duplicate image id 'train_0'"),
    ),
    "unknown split": (
        _edit("labels.csv", ",val\n", ",dev\n"),
        ("labels.csv", "split 'dev'", "train, val, test"),
    ),
    "no picture": (_without("images/train_3.png"), ("no file for image 'train_3'", ".png")),
    "two pictures of one id": (
        _picture("images/train_3.jpg", "RGB", (8, 8), 0),
        ("train_3.jpg and train_3.png", "image 'train_3'"),
    ),
    "picture cut short": (_cut, ("train_3.png", "broken, truncated")),
    "text for a picture": (
        lambda root: (root / "images/train_2.jpg").write_text("not a picture"),
        ("train_2.jpg", "broken, truncated or not a picture"),
    ),
    "gray picture": (
        _picture("images/train_3.png", "L", SIZES[3][::-1], 9),
        ("train_3.png", "1 bands", "red, green, blue"),
    ),
    "no masks": (
        lambda root: (root / "masks").rename(root / "truth"),
        ("masks", "no such folder"),
    ),
    "no mask": (_without(_MASK), ("no mask for image 'test_0'",)),
    "mask of another size": (_picture(_MASK, "L", (7, 5), 1), (_MASK, "size (5, 7)")),
    "class out of range in a mask": (
        _picture(_MASK, "L", _SIZE, len(CLASSES)),
        (_MASK, "class 4", "0..3, 255"),
    ),
    "sixteen bits in a mask": (_picture(_MASK, "I;16", _SIZE, 300), (_MASK, "300", "0..255")),
    "colours for a mask": (_picture(_MASK, "RGB", _SIZE, 1), (_MASK, "mode RGB", "palette")),
}

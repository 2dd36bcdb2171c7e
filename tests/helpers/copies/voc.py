"""A tiny Pascal VOC 2012: annotation files, lists and palette masks as in the devkit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from helpers.copies.drawing import Pixels, cut_short, scene
from wsss.data.files.palette import voc_colours

OVERRIDES = ("dataset.val_images=4",)
HOME = Path("VOCdevkit/VOC2012")
NAMES = {7: "car", 8: "cat", 15: "person"}
TRAIN = tuple(f"2007_{number:06}" for number in range(27, 87, 5))
VAL = tuple(f"2008_{number:06}" for number in range(3, 21, 3))
SIZES = ((32, 48), (48, 36), (30, 30), (24, 44))

_LISTS = "ImageSets/Segmentation"


def make(root: Path) -> None:
    """Twelve training and six validation images; their last object is difficult."""
    home, rng = root / HOME, np.random.default_rng(0)
    for folder in ("JPEGImages", "Annotations", "SegmentationClass", _LISTS):
        (home / folder).mkdir(parents=True)
    classes = tuple(NAMES)
    for index, image_id in enumerate((*TRAIN, *VAL)):
        shown = [0, classes[index % 3]] + ([classes[(index + 1) % 3]] if index % 2 else [])
        rgb, mask = scene(rng, SIZES[index % len(SIZES)], shown)
        Pillow.fromarray(rgb).save(home / "JPEGImages" / f"{image_id}.jpg", quality=95)
        (home / "Annotations" / f"{image_id}.xml").write_text(_annotation(image_id, mask, shown))
        _save_mask(home / "SegmentationClass" / f"{image_id}.png", mask)
    for name, ids in {"train": TRAIN, "val": VAL, "trainval": (*TRAIN, *VAL)}.items():
        (home / _LISTS / f"{name}.txt").write_text("".join(f"{i}\n" for i in ids))


def spoil_file(name: str, content: str | bytes | None) -> Callable[[Path], object]:
    """A fault: the file, below the folder of JPEGImages, gets another content or goes."""

    def spoil(root: Path) -> None:
        path = root / HOME / name
        path.unlink()
        if content is not None:
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    return spoil


def _annotation(image_id: str, mask: Pixels, shown: Sequence[int]) -> str:
    height, width = mask.shape
    # Some of the genuine files give the height first.
    size = f"<height>{height}</height><width>{width}</width><depth>3</depth>"
    things = ""
    for index in shown[1:]:
        rows, columns = np.nonzero(mask == index)
        box = (
            f"<bndbox><xmin>{columns.min() + 1}</xmin><ymin>{rows.min() + 1}</ymin>"
            f"<xmax>{columns.max() + 1}</xmax><ymax>{rows.max() + 1}</ymax></bndbox>"
        )
        part = f"<part><name>head</name>{box}</part>" if NAMES[index] == "person" else ""
        things += (
            f"\t<object>\n\t\t<name>{NAMES[index]}</name>\n\t\t<pose>Unspecified</pose>\n"
            f"\t\t<truncated>0</truncated>\n\t\t<difficult>{int(index == shown[-1])}</difficult>\n"
            f"\t\t{box}\n\t\t{part}\n\t</object>\n"
        )
    return (
        f"<annotation>\n\t<folder>VOC2012</folder>\n\t<filename>{image_id}.jpg</filename>\n"
        "\t<source><database>The VOC2008 Database</database>"
        "<annotation>PASCAL VOC2008</annotation><image>flickr</image></source>\n"
        f"\t<size>{size}</size>\n\t<segmented>1</segmented>\n{things}</annotation>\n"
    )


def _save_mask(path: Path, mask: Pixels) -> None:
    """Palette PNG with a border of 255, one pixel wide, around each object."""
    padded = np.pad(mask, 1, mode="edge")
    inner = (slice(1, -1), slice(1, -1))
    steps = [np.roll(padded, step, axis)[inner] for step in (-1, 1) for axis in (0, 1)]
    border = (mask == 0) & np.any([step != mask for step in steps], axis=0)
    picture = Pillow.fromarray(np.where(border, 255, mask).astype(np.uint8))
    picture.putpalette([channel for colour in voc_colours(256) for channel in colour])
    picture.save(path)


def _spoil_mask(value: int, size: tuple[int, int]) -> Callable[[Path], object]:
    path = HOME / "SegmentationClass" / f"{VAL[0]}.png"
    return lambda root: Pillow.new("L", size, value).save(root / path)


_WIDTH_HEIGHT = SIZES[len(TRAIN) % len(SIZES)][::-1]
FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no pictures": (
        lambda root: (root / HOME / "JPEGImages").rename(root / HOME / "Pictures"),
        ("no folder JPEGImages", "VOCdevkit/VOC2012"),
    ),
    "no list": (
        spoil_file(f"{_LISTS}/train.txt", None),
        ("dataset.train_list is 'train'", "(trainval, val)"),
    ),
    "id twice": (
        spoil_file(f"{_LISTS}/val.txt", f"{VAL[0]}\n" * 2),
        ("val.txt", VAL[0], "duplicate"),
    ),
    "id of train in test": (
        spoil_file(f"{_LISTS}/val.txt", f"{VAL[0]}\n{TRAIN[3]}\n"),
        (f"image '{TRAIN[3]}'", "dataset.test_list=val"),
    ),
    "no picture": (
        spoil_file(f"JPEGImages/{TRAIN[5]}.jpg", None),
        (f"{TRAIN[5]}.jpg", "no such file"),
    ),
    "picture cut short": (
        lambda root: cut_short(root / HOME / "JPEGImages" / f"{TRAIN[5]}.jpg"),
        (f"{TRAIN[5]}.jpg", "broken"),
    ),
    "no annotation": (spoil_file(f"Annotations/{VAL[1]}.xml", None), (f"{VAL[1]}.xml", "no such")),
    "annotation cut short": (
        spoil_file(f"Annotations/{VAL[1]}.xml", "<annotation><object><name>cat</name>"),
        (f"{VAL[1]}.xml", "broken annotation file"),
    ),
    "unknown object": (
        spoil_file(
            f"Annotations/{VAL[1]}.xml",
            "<annotation><object><name>unicorn</name></object></annotation>",
        ),
        (f"{VAL[1]}.xml", "object 'unicorn'", "aeroplane"),
    ),
    "no object": (
        spoil_file(f"Annotations/{VAL[1]}.xml", "<annotation></annotation>"),
        (f"{VAL[1]}.xml", "no object"),
    ),
    "class out of range in a mask": (
        _spoil_mask(21, _WIDTH_HEIGHT),
        (f"{VAL[0]}.png", "value 21", "0..20"),
    ),
    "mask of another size": (_spoil_mask(0, (7, 5)), (f"{VAL[0]}.png", "size (5, 7)")),
}

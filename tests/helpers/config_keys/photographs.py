"""A folder dataset of eight pictures, with an alternative to each of its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as Pillow


def write_folder(root: Path) -> None:
    """Pictures with labels, classes, masks and lists, and an alternative to each of them."""
    rng = np.random.default_rng(0)
    ids = [f"p{index}" for index in range(8)]
    for name in ("images", "images2"):
        (root / name).mkdir(parents=True)
        for image_id in ids:
            pixels = rng.integers(0, 256, (16, 12, 3), dtype=np.uint8)
            Pillow.fromarray(pixels).save(root / name / f"{image_id}.png")
    for number, name in enumerate(("masks", "masks2")):
        (root / name).mkdir()
        for image_id in ids:
            Pillow.new("L", (12, 16), number).save(root / name / f"{image_id}.png")
    (root / "classes.txt").write_text("cat\ndog\n")
    (root / "classes2.txt").write_text("dog\ncat\n")
    splits = ["train"] * 4 + ["val"] * 2 + ["test"] * 2
    for number, name in enumerate(("labels.csv", "labels2.csv")):
        rows = [
            f"{image_id},{(index + number) % 2},{(index + number + 1) % 2},{split}"
            for index, (image_id, split) in enumerate(zip(ids, splits, strict=True))
        ]
        (root / name).write_text("\n".join(["image_id,cat,dog,split", *rows]) + "\n")
    (root / "lists").mkdir()
    for split, members in {"train": ids[4:], "val": ids[:2], "test": ids[2:4]}.items():
        (root / "lists" / f"{split}.txt").write_text("\n".join(members))

"""Image files for benchmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from PIL import Image as Pillow

from wsss.data.datasets.dfc_tree import BANDS, CLASSES, patch_id, patch_path
from wsss.data.datasets.folder import IMAGE_SUFFIXES
from wsss.data.files.labels import write_labels
from wsss.data.types import Split


def draw_patches(root: Path, count: int) -> Path:
    """Write a DFC2020 tree of ``count`` Sentinel-2 patches."""
    rng = np.random.default_rng(0)
    labels = {}
    for number in range(count):
        folder = "validation" if number == 0 else "test"  # both splits need images
        path = patch_path(root, folder, "s2", number)
        path.parent.mkdir(parents=True, exist_ok=True)
        labels[patch_id(folder, number)] = (number % len(CLASSES),)
        values = rng.integers(0, 3000, (len(BANDS["s2"]), 256, 256), np.uint16)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=len(values),
            height=256,
            width=256,
            dtype="uint16",
            crs="EPSG:32632",
            transform=rasterio.Affine(10, 0, 5e5 + 2560 * number, 0, -10, 5e6),
        ) as target:
            target.write(values)
    write_labels(root / "labels.csv", CLASSES, labels)
    return root


def draw_pictures(folder: Path, count: int) -> Path:
    """Write ``count`` JPEG files with about the sizes, in pixels and bytes, of Pascal VOC's."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for number in range(count):
        coarse = Pillow.fromarray(rng.integers(0, 256, (38, 50, 3), np.uint8))
        smooth = np.asarray(coarse.resize((500, 375), Pillow.Resampling.BICUBIC), np.float32)
        pixels = (smooth + rng.normal(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8)
        Pillow.fromarray(pixels).save(folder / f"{number}.jpg", quality=85)
    return folder


def describe_folder(root: Path, pictures: Path) -> list[str]:
    """Write labels and class list for a folder of pictures; return the overrides to open it."""
    stems = sorted(path.stem for path in pictures.iterdir() if path.suffix in IMAGE_SUFFIXES)
    splits: dict[str, Split] = dict.fromkeys(stems, "train")
    splits |= {stems[0]: "val", stems[1]: "test"}
    write_labels(root / "labels.csv", ["any"], dict.fromkeys(stems, (0,)), splits)
    (root / "classes.txt").write_text("any\n")
    return ["dataset=folder", f"dataset.root={root}", f"dataset.images={pictures.resolve()}"]

"""A tiny DFC2020: patches of 32 x 32 with Sentinel-1 and -2, both land covers, in UTM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from wsss.data.datasets.dfc_tree import patch_path
from wsss.data.datasets.scenes import draw_scene

OVERRIDES = ("dataset.val_patches=4", "dataset.image_size=32")
PATCHES = {"test": 16, "validation": 6}
SIDE = 32
SAVANNA, SNOW = 3, 8
#: One IGBP class for each code of the fine land cover.
IGBP = {1: 4, 2: 7, SAVANNA: 8, 4: 10, 5: 11, 6: 14, 7: 13, SNOW: 15, 9: 16, 10: 17}


def make(root: Path) -> None:
    """Sixteen patches in the folder test, six in validation, each with savanna and snow."""
    from wsss.data.derive_labels import derive_labels

    places = [(folder, number) for folder, count in PATCHES.items() for number in range(count)]
    for index, (folder, number) in enumerate(places):
        scene = draw_scene(0, index, SIDE)
        codes = scene.codes.copy()
        codes[:2], codes[-1] = SAVANNA, SNOW
        layers: dict[str, NDArray[Any]] = {"s2": scene.s2, "s1": scene.s1}
        layers |= {"dfc": codes[None], "lc": _land_cover(codes)}
        for sensor, values in layers.items():
            path = patch_path(root, folder, sensor, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_geotiff(path, values, west=500_000 + 10 * SIDE * index)
    derive_labels("dfc", root)


def write_geotiff(
    path: Path, values: NDArray[Any], west: int = 500_000, crs: str | None = "EPSG:32632"
) -> None:
    """Write ``[bands, H, W]`` at 10 m a pixel, not compressed and pixel by pixel."""
    bands, height, width = values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=bands,
        height=height,
        width=width,
        dtype=values.dtype,
        interleave="pixel",
        crs=crs,
        transform=rasterio.Affine(10, 0, west, 0, -10, 5_400_000),
    ) as target:
        target.write(values)


def _land_cover(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """IGBP at a sixteenth of the resolution, and three layers of another legend."""
    coarse = np.vectorize(IGBP.get)(codes[8::16, 8::16]).astype(np.uint8)
    igbp = coarse.repeat(16, axis=0).repeat(16, axis=1)
    return np.stack([igbp, *np.full((3, *igbp.shape), 31, np.uint8)])


def _rewrite(
    folder: str, sensor: str, values: NDArray[Any], crs: str | None = "EPSG:32632"
) -> Callable[[Path], object]:
    return lambda root: write_geotiff(patch_path(root, folder, sensor, 0), values, crs=crs)


def _cut(root: Path) -> None:
    path = patch_path(root, "test", "s2", 3)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _twice(root: Path) -> None:
    header, first, *more = (root / "labels.csv").read_text().splitlines()
    (root / "labels.csv").write_text("\n".join([header, first, *more, first]))


def _mask(value: int, dtype: type = np.uint8, side: int = SIDE) -> Callable[[Path], object]:
    values: NDArray[Any] = np.ones((1, side, side), dtype)
    values[0, 0, 0] = value
    return _rewrite("validation", "dfc", values)


_S2 = np.ones((13, SIDE, SIDE), np.uint16)
_MASK_NAME = "ROIs0000_validation_dfc_0_p0.tif"
FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no folder": (
        lambda root: (root / "ROIs0000_validation/s2_0").rename(root / "s2"),
        ("ROIs0000_validation/s2_0", "no such folder", "ROIs0000_{validation,test}"),
    ),
    "folder as the archive names it": (
        lambda root: (root / "ROIs0000_validation/s2_0").rename(
            root / "ROIs0000_validation/s2_validation"
        ),
        ("ROIs0000_validation/s2_validation", "rename it to s2_0"),
    ),
    "no labels": (
        lambda root: (root / "labels.csv").unlink(),
        ("labels.csv", "python -m wsss.data.derive_labels dfc"),
    ),
    "labels of a patch that is not there": (
        lambda root: patch_path(root, "test", "s2", 3).unlink(),
        ("labels.csv", "'test_p3'", "ROIs0000_test_s2_0_p3.tif is missing"),
    ),
    "id twice": (_twice, ("labels.csv", "duplicate image id 'test_p0'")),
    "band too few": (
        _rewrite("test", "s2", _S2[:12]),
        ("ROIs0000_test_s2_0_p0.tif", "12 bands, expected 13"),
    ),
    "no coordinates": (
        _rewrite("test", "s2", _S2, crs=None),
        ("ROIs0000_test_s2_0_p0.tif", "expected a GeoTIFF with a CRS"),
    ),
    "image cut short": (_cut, ("ROIs0000_test_s2_0_p3.tif", "broken, truncated")),
    "sixteen bits in a mask": (
        _mask(300, np.uint16),
        (_MASK_NAME, "values from 1 to 300, valid: 0..255"),
    ),
    "code out of range in a mask": (_mask(11), (_MASK_NAME, "value 11", "DFC2020 codes 0..10")),
    "mask of another size": (_mask(1, side=16), (_MASK_NAME, "size (16, 16)")),
    "no masks": (
        lambda root: (root / "ROIs0000_validation/dfc_0").rename(root / "dfc"),
        ("ROIs0000_validation/dfc_0", "no such folder"),
    ),
}

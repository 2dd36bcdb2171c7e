"""Synthetic scenes, written to disk once as a DFC2020 tree."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from filelock import FileLock
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from wsss.atomic import sync, sync_files
from wsss.checks import check_between, check_least
from wsss.data.datasets.dfc_land_cover import MASK_LABELS
from wsss.data.datasets.dfc_patches import DfcTreeDataset, DfcTreeSettings
from wsss.data.datasets.dfc_tree import BANDS, FOLDERS, patch_path
from wsss.data.datasets.scenes import draw_scene
from wsss.data.mask_labels import write_mask_labels
from wsss.errors import UserError
from wsss.progress import track

MARKER = "scenes.json"
_FORMAT = 1  # raise when the same settings give other scenes
_CRS = "EPSG:32632"
_PIXEL_METRES = 10.0
_NORTH_WEST = (500_000.0, 5_400_000.0)
_SCENES_PER_ROW = 64
_MOST_SCENES, _LARGEST_SCENE = 1_000_000, 16_384


@dataclass(frozen=True)
class SyntheticConfig(DfcTreeSettings):
    """A DFC2020 tree of synthetic scenes, drawn when it is first needed."""

    scenes_train: int
    """Number of scenes for training, written to ``ROIs0000_test``."""
    scenes_val: int
    """Number of scenes for validation, written to ``ROIs0000_test`` after those for training."""
    scenes_test: int
    """Number of scenes for testing, written to ``ROIs0000_validation``."""
    scene_size: int
    """Side of a scene in pixels."""
    scenes_seed: int
    """Seed of the scenes, independent of the experiment's seed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("scenes_train", "scenes_val", "scenes_test"):
            check_between(f"dataset.{key}", getattr(self, key), 1, _MOST_SCENES)
        check_between("dataset.scene_size", self.scene_size, 8, _LARGEST_SCENE)
        check_least("dataset.scenes_seed", self.scenes_seed, 0)

    def determining(self) -> dict[str, Any]:
        """See `DatasetSettings.determining`; different scenes may have files of equal size."""
        return super().determining() | _settings(self)


class SyntheticDataset(DfcTreeDataset):
    """Synthetic scenes, written by the constructor if they are missing."""

    config_class = SyntheticConfig

    def __init__(self, config: SyntheticConfig) -> None:
        prepare_synthetic(config)
        super().__init__(config)

    def expected_patches(self, folder: str) -> None:
        """``None``: no provider states a number."""


def prepare_synthetic(config: SyntheticConfig) -> None:
    """Write the scenes, their masks and labels to ``config.root`` unless they exist.

    The tree is complete as soon as it appears under its name. A lock keeps two processes from
    writing it at the same time.

    Raises:
        UserError: if the root holds anything else or scenes with other settings.
    """
    root = Path(config.root)
    if _is_there(root, config):
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(root.with_name(f".{root.name}.lock")):
        if _is_there(root, config):  # another process may have written it
            return
        partial = root.with_name(f".{root.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            _write_tree(partial, config)
            sync_files([path for path in partial.rglob("*") if path.is_file()])
            partial.replace(root)
            sync(root.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _write_tree(root: Path, config: SyntheticConfig) -> None:
    for_training = config.scenes_train + config.scenes_val
    places = [("test", number) for number in range(for_training)]
    places += [("validation", number) for number in range(config.scenes_test)]
    for folder in FOLDERS:
        for sensor in ("s1", "s2", "dfc"):
            patch_path(root, folder, sensor, 0).parent.mkdir(parents=True)
    for index, (folder, number) in enumerate(track(places, "synthetic scenes")):
        scene = draw_scene(config.scenes_seed, index, config.scene_size)
        layers: dict[str, tuple[NDArray[Any], Sequence[str]]] = {
            "s2": (scene.s2, BANDS["s2"]),
            "s1": (scene.s1, BANDS["s1"]),
            "dfc": (scene.codes[None], ("land cover",)),
        }
        for sensor, (values, names) in layers.items():
            _write_geotiff(patch_path(root, folder, sensor, number), values, names, index)
    write_mask_labels(root, MASK_LABELS, labels_file=config.labels_file)
    (root / MARKER).write_text(json.dumps(_settings(config), indent=1) + "\n", "utf-8")


def _write_geotiff(path: Path, values: NDArray[Any], names: Sequence[str], index: int) -> None:
    """Write ``[bands, H, W]`` at position `index` of the grid of scenes."""
    bands, height, width = values.shape
    row, column = divmod(index, _SCENES_PER_ROW)
    west = _NORTH_WEST[0] + column * width * _PIXEL_METRES
    north = _NORTH_WEST[1] - row * height * _PIXEL_METRES
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=height,
            width=width,
            count=bands,
            dtype=np.dtype(values.dtype).name,
            compress="deflate",
            crs=_CRS,
            transform=rasterio.Affine(_PIXEL_METRES, 0, west, 0, -_PIXEL_METRES, north),
        ) as target:
            target.descriptions = tuple(names)
            target.write(values)
        path.write_bytes(memory.read())  # GDAL hides that a disk is full; Python does not


def _is_there(root: Path, config: SyntheticConfig) -> bool:
    """Whether the root holds these scenes; `UserError` if it holds anything else."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    marker, remedy = root / MARKER, "delete that folder or choose another root"
    if not marker.is_file():
        raise UserError(f"{root}: exists but holds no {MARKER} of synthetic scenes; {remedy}")
    try:
        found = json.loads(marker.read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{marker}: not JSON ({error}); {remedy}") from error
    wanted = _settings(config)
    if found == wanted:
        return True
    found = found if isinstance(found, dict) else {}
    differing = [
        f"{key}={found.get(key)} there, {value} asked for"
        for key, value in wanted.items()
        if found.get(key) != value
    ]
    raise UserError(f"{marker}: other settings ({'; '.join(differing)}); {remedy}")


def _settings(config: SyntheticConfig) -> dict[str, int | float | str]:
    """The settings that determine the files below the root."""
    return {
        "format": _FORMAT,
        "scenes_train": config.scenes_train,
        "scenes_val": config.scenes_val,
        "scenes_test": config.scenes_test,
        "scene_size": config.scene_size,
        "scenes_seed": config.scenes_seed,
        "labels_file": config.labels_file,
        "labels_min_share": MASK_LABELS.min_share,
    }

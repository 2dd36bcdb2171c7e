"""Synthetic scenes written to disk as a DFC2020 tree, once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import rasterio
from filelock import FileLock
from numpy.typing import NDArray

from wsss.data.datasets.dfc import DfcConfig
from wsss.data.datasets.dfc_land_cover import MIN_SHARE
from wsss.data.datasets.dfc_tree import BANDS, FOLDERS, patch_path
from wsss.data.datasets.scenes import draw_scene
from wsss.errors import UserError
from wsss.progress import track

MARKER = "scenes.json"
_FORMAT = 1  # raise it whenever the same settings give other scenes
_CRS = "EPSG:32632"
_PIXEL_METRES = 10.0
_NORTH_WEST = (500_000.0, 5_400_000.0)
_SCENES_A_ROW = 64


@dataclass(frozen=True)
class SyntheticConfig(DfcConfig):
    """A DFC2020 tree of synthetic scenes, drawn when it is first needed."""

    scenes_train: int
    """Scenes that go to ``ROIs0000_test``, together with those of `scenes_val`."""
    scenes_val: int
    scenes_test: int
    """Scenes that go to ``ROIs0000_validation``."""
    scene_size: int
    """Side of a scene in pixels."""
    scenes_seed: int

    patches: ClassVar[Mapping[str, int | None]] = dict.fromkeys(FOLDERS)
    """The real tree's numbers do not hold here."""

    def determining(self) -> dict[str, Any]:
        """See `DatasetSettings.determining`; scenes may differ where file sizes do not."""
        return super().determining() | _settings(self)


def prepare_synthetic(config: SyntheticConfig) -> None:
    """Write the scenes, their masks and labels to ``config.root`` where they are not there yet.

    The tree appears under its name as a whole, or not at all. Two processes do not write it twice.

    Raises:
        UserError: where the root holds something else or scenes of other settings, or a number
            of the configuration is not valid.
    """
    _check_numbers(config)
    root = Path(config.root)
    if _is_there(root, config):
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(root.with_name(f".{root.name}.lock")):
        if _is_there(root, config):  # another process may have written it meanwhile
            return
        partial = root.with_name(f".{root.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            _write_tree(partial, config)
            partial.replace(root)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _write_tree(root: Path, config: SyntheticConfig) -> None:
    # Imported here because `python -m` warns of a module that its own package has imported.
    from wsss.data.derive_labels import derive_labels

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
    derive_labels("dfc", root, config.labels_file)
    (root / MARKER).write_text(json.dumps(_settings(config), indent=1) + "\n", "utf-8")


def _write_geotiff(path: Path, values: NDArray[Any], names: Sequence[str], index: int) -> None:
    """Write ``[bands, H, W]`` at the place on the grid of scenes that `index` gives."""
    bands, height, width = values.shape
    row, column = divmod(index, _SCENES_A_ROW)
    west = _NORTH_WEST[0] + column * width * _PIXEL_METRES
    north = _NORTH_WEST[1] - row * height * _PIXEL_METRES
    with rasterio.open(
        path,
        "w",
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


def _is_there(root: Path, config: SyntheticConfig) -> bool:
    """Whether the root is complete; `UserError` where it holds anything else."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    marker, mend = root / MARKER, "delete that folder or choose another root"
    if not marker.is_file():
        raise UserError(f"{root}: exists but holds no {MARKER} of synthetic scenes; {mend}")
    try:
        found = json.loads(marker.read_text("utf-8"))
    except ValueError as error:
        raise UserError(f"{marker}: not JSON ({error}); {mend}") from error
    wanted = _settings(config)
    if found == wanted:
        return True
    found = found if isinstance(found, dict) else {}
    differing = [
        f"{key}={found.get(key)} there, {value} asked for"
        for key, value in wanted.items()
        if found.get(key) != value
    ]
    raise UserError(f"{marker}: other settings ({'; '.join(differing)}); {mend}")


def _settings(config: SyntheticConfig) -> dict[str, int | float | str]:
    """What the files under the root depend on."""
    return {
        "format": _FORMAT,
        "scenes_train": config.scenes_train,
        "scenes_val": config.scenes_val,
        "scenes_test": config.scenes_test,
        "scene_size": config.scene_size,
        "scenes_seed": config.scenes_seed,
        "labels_file": config.labels_file,
        "labels_min_share": MIN_SHARE,
    }


def _check_numbers(config: SyntheticConfig) -> None:
    least = {"scenes_train": 1, "scenes_val": 1, "scenes_test": 1, "scene_size": 8}
    for key, limit in (least | {"scenes_seed": 0}).items():
        value = getattr(config, key)
        if value < limit:
            raise UserError(f"{key}={value}: must be {limit} or more")

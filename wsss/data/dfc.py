"""DFC2020: Sentinel-1 and Sentinel-2 patches with land-cover masks, in its folder layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsss.data.augment import AugmentConfig
from wsss.data.base import (
    Dataset,
    DatasetInfo,
    Georeference,
    Image,
    Mask,
    Record,
    Split,
)
from wsss.data.cache import ImageCache
from wsss.data.dfc_tree import (
    BANDS,
    CLASSES,
    FOLDERS,
    check_folder,
    list_patches,
    parse_id,
    patch_path,
    read_classes,
)
from wsss.data.labels import read_labels
from wsss.data.raster import picture_size, read_georeference, read_picture
from wsss.errors import UserError

MODALITIES = {"s2": ("s2",), "s1": ("s1",), "s1s2": ("s2", "s1")}
"""Sensors of each modality, in the order their bands are stacked."""
DIRECTIONS = {
    "test_to_validation": ("test", "validation"),
    "validation_to_test": ("validation", "test"),
}
"""Folder for training, folder for testing."""

_S2_SCALE = 1e4
_S1_RANGE = (-25.0, 0.0)
_DISPLAY_RANGE = {"s2": (0.0, 0.3), "s1": _S1_RANGE}
#: The colours land-cover maps of the IGBP legend are usually drawn in.
_PALETTE = (
    (0, 153, 0),
    (198, 176, 68),
    (182, 255, 5),
    (39, 255, 135),
    (194, 79, 68),
    (165, 165, 165),
    (249, 255, 164),
    (28, 13, 255),
)


@dataclass(frozen=True)
class DfcConfig:
    """A DFC2020 tree and how it is used."""

    name: str
    root: str
    """Folder that holds ``ROIs0000_test`` and ``ROIs0000_validation``."""
    image_size: int
    """Side in pixels that images are brought to for the networks."""
    modality: str
    """A key of `MODALITIES`."""
    bands: list[str] | None
    """Names of the bands to use, in any order; all of the modality's where null."""
    direction: str
    """A key of `DIRECTIONS`."""
    val_patches: int
    """How many last patches of the training folder, by number, are the split 'val'.

    Numbers follow the ground, so that neighbours seldom stand on both sides of the cut.
    """
    labels_file: str
    """Image labels, relative to `root`; patches without a row are not used."""
    cache_mb: int
    """Memory in MiB for decoded images, 0 for none."""
    augment: AugmentConfig


class DfcDataset(Dataset):
    """Patches of DFC2020: Sentinel-2 as reflectance in 0..1, Sentinel-1 in dB in -25..0.

    Image ids are ``<folder>_p<number>``, e.g. ``test_p12``. The image files are listed, not opened.

    Raises:
        UserError: where a folder, a patch of the labels file or the labels file itself is missing,
            or the configuration names a modality, direction, band or number that is not valid.
    """

    def __init__(self, config: DfcConfig) -> None:
        sensors = _choose("modality", config.modality, MODALITIES)
        train_folder, test_folder = _choose("direction", config.direction, DIRECTIONS)
        available = [band for sensor in sensors for band in BANDS[sensor]]
        bands = available if config.bands is None else list(config.bands)
        _check_bands(bands, available, config.modality)
        self._bands = bands
        self._sensors = [s for s in sensors if set(BANDS[s]) & set(bands)]
        self._root = Path(config.root)
        self._cache = ImageCache(config.cache_mb)
        self.config = config

        patches = self._labelled_patches(self._root / config.labels_file)
        kept = len(patches[train_folder]) - config.val_patches
        if config.val_patches < 1 or kept < 1:
            raise UserError(
                f"val_patches={config.val_patches}: must be from 1 to "
                f"{len(patches[train_folder]) - 1}, for {len(patches[train_folder])} labelled "
                f"patches in {self._root}/ROIs0000_{train_folder}"
            )
        records: dict[Split, Sequence[Record]] = {
            "train": patches[train_folder][:kept],
            "val": patches[train_folder][kept:],
            "test": patches[test_folder],
        }
        shown, display_range = _display(bands)
        super().__init__(
            DatasetInfo(config.name, CLASSES, _PALETTE, tuple(bands), True, shown, display_range),
            records,
        )

    def read_image(self, image_id: str) -> Image:
        """``[bands, H, W]`` in the order of ``info.bands``; NaN in Sentinel-1 becomes -25 dB.

        Raises:
            UserError: naming the file that is broken, has an odd number of bands or another size.
        """
        return self._cache.get(image_id, self._decode)

    def georeference(self, image_id: str) -> Georeference | None:
        """Where the patch lies on Earth; raises as `read_image`."""
        return read_georeference(self.record(image_id).files[0])

    def open_masks(self) -> Callable[[str], Mask]:
        """See `Dataset.open_masks`."""
        for folder in FOLDERS:
            check_folder(self._root, folder, "dfc")
        return self._read_mask

    def _read_mask(self, image_id: str) -> Mask:
        image_path = self.record(image_id).files[0]
        folder, _, number = image_id.partition("_p")
        path = patch_path(self._root, folder, "dfc", int(number))
        mask = read_classes(path)
        if mask.shape != picture_size(image_path):
            raise UserError(
                f"{path}: size {mask.shape}, but {image_path.name} has {picture_size(image_path)}"
            )
        return mask

    def _decode(self, image_id: str) -> Image:
        layers: dict[str, Image] = {}
        files = self.record(image_id).files
        size: tuple[int, ...] | None = None
        for sensor, path in zip(self._sensors, files, strict=True):
            image = read_picture(path)
            names = BANDS[sensor]
            if len(image) != len(names):
                raise UserError(
                    f"{path}: {len(image)} bands, expected {len(names)} ({names[0]}..{names[-1]})"
                )
            size = size or image.shape[1:]
            if image.shape[1:] != size:
                raise UserError(f"{path}: size {image.shape[1:]}, but {files[0].name} has {size}")
            layers |= zip(names, _to_physical(sensor, image), strict=True)
        return np.stack([layers[band] for band in self._bands])

    def _labelled_patches(self, labels_path: Path) -> dict[str, list[Record]]:
        """Records of each folder in the order of their numbers."""
        on_disk = {
            (folder, sensor): set(list_patches(self._root, folder, sensor))
            for folder in FOLDERS
            for sensor in self._sensors
        }
        if not labels_path.is_file():
            raise UserError(
                f"{labels_path}: no such labels file; make it once with: "
                f"python -m wsss.data.dfc_labels {self._root}"
            )
        found: dict[str, list[tuple[int, Record]]] = {folder: [] for folder in FOLDERS}
        for image_id, labels in read_labels(labels_path, CLASSES, multi_label=True).labels.items():
            parsed = parse_id(image_id)
            if parsed is None:
                raise UserError(
                    f"{labels_path}: image id '{image_id}', valid: test_p<number>, "
                    "validation_p<number>"
                )
            folder, number = parsed
            files = [patch_path(self._root, folder, sensor, number) for sensor in self._sensors]
            for sensor, path in zip(self._sensors, files, strict=True):
                if number not in on_disk[folder, sensor]:
                    raise UserError(f"{labels_path}: names '{image_id}', but {path} is missing")
            found[folder].append((number, Record(image_id, tuple(files), labels)))
        by_number = {folder: sorted(found[folder], key=lambda item: item[0]) for folder in FOLDERS}
        return {folder: [record for _, record in by_number[folder]] for folder in FOLDERS}


def _to_physical(sensor: str, image: Image) -> Image:
    if sensor == "s2":
        return (image / np.float32(_S2_SCALE)).clip(0, 1)
    return np.nan_to_num(image, nan=_S1_RANGE[0]).clip(*_S1_RANGE)


def _display(bands: Sequence[str]) -> tuple[tuple[int, int, int], tuple[float, float]]:
    """Three band indices for a figure and their range of values: true colour where there is."""
    if {"B4", "B3", "B2"} <= set(bands):
        return (bands.index("B4"), bands.index("B3"), bands.index("B2")), _DISPLAY_RANGE["s2"]
    sensor = "s2" if bands[0] in BANDS["s2"] else "s1"
    alike = [index for index, band in enumerate(bands) if band in BANDS[sensor]]
    alike += [alike[-1]] * 2
    return (alike[0], alike[1], alike[2]), _DISPLAY_RANGE[sensor]


def _choose(key: str, value: str, choices: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if value not in choices:
        raise UserError(f"{key}={value}: valid: {', '.join(choices)}")
    return choices[value]


def _check_bands(bands: Sequence[str], available: Sequence[str], modality: str) -> None:
    if not bands:
        raise UserError(f"bands is empty; valid with modality={modality}: {', '.join(available)}")
    for band in bands:
        if band not in available:
            raise UserError(
                f"band '{band}' is unknown; valid with modality={modality}: {', '.join(available)}"
            )
        if list(bands).count(band) > 1:
            raise UserError(f"band '{band}' stands twice in bands")

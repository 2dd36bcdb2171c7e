"""Sentinel-1 and Sentinel-2 patches with land-cover masks in the folder layout of DFC2020."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsss.data.base import Dataset
from wsss.data.datasets.dfc_bands import MODALITIES, choose_bands, display, to_physical
from wsss.data.datasets.dfc_tree import (
    BANDS,
    CLASSES,
    FOLDERS,
    check_folder,
    list_patches,
    parse_id,
    patch_path,
    read_classes,
)
from wsss.data.files.cache import ImageCache
from wsss.data.files.labels import read_labels
from wsss.data.files.raster import read_georeference, read_geotiff
from wsss.data.quarantine import Quarantine
from wsss.data.settings import DatasetSettings
from wsss.data.types import Count, DatasetInfo, Georeference, Image, ImageRecord, Mask, Split
from wsss.errors import UserError

DIRECTIONS = {
    "test_to_validation": ("test", "validation"),
    "validation_to_test": ("validation", "test"),
}
"""The folder to train on and the folder to test on."""

#: The usual colours of IGBP land-cover maps.
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
class DfcTreeSettings(DatasetSettings, ABC):
    """Settings of a tree whose root holds ``ROIs0000_{test,validation}``."""

    modality: str
    """The sensors to use, a key of `MODALITIES`."""
    bands: list[str] | None
    """Names of the bands to use, in any order; ``None`` for all bands of the modality."""
    direction: str
    """Which folder is trained on and which is tested on, a key of `DIRECTIONS`."""
    val_patches: int
    """Number of patches in ``val``: those of the training folder with the highest numbers.

    Neighbours on the ground have neighbouring numbers, so few neighbours are separated.
    """
    labels_file: str
    """File of image labels, relative to `root` or absolute; patches without a row are not used."""


class DfcTreeDataset(Dataset):
    """Patches of a DFC2020 tree: Sentinel-2 as reflectance in 0..1, Sentinel-1 in dB in -25..0.

    Image ids are ``<folder>_p<number>``, e.g. ``test_p12``. Image files are listed, not opened.

    Raises:
        UserError: if a folder, the labels file or a patch that it names is missing, or the
            configuration names an unknown modality, direction or band or an invalid number.
    """

    def __init__(self, config: DfcTreeSettings) -> None:
        bands = choose_bands(config.modality, config.bands)
        if config.direction not in DIRECTIONS:
            raise UserError(f"direction={config.direction}: valid: {', '.join(DIRECTIONS)}")
        train_folder, test_folder = DIRECTIONS[config.direction]
        self._sensors = [s for s in MODALITIES[config.modality] if set(BANDS[s]) & set(bands)]
        self._root = Path(config.root)
        self._cache = ImageCache(config.cache_mb)
        self._max_pixels = config.max_pixels

        quarantine = Quarantine(config.on_error)
        patches = self._labelled_patches(config.labels_file, quarantine)
        kept = len(patches[train_folder]) - config.val_patches
        if config.val_patches < 1 or kept < 1:
            raise UserError(
                f"val_patches={config.val_patches}: must be from 1 to "
                f"{len(patches[train_folder]) - 1}, for {len(patches[train_folder])} labelled "
                f"patches in {self._root}/ROIs0000_{train_folder}"
            )
        records: dict[Split, Sequence[ImageRecord]] = {
            "train": patches[train_folder][:kept],
            "val": patches[train_folder][kept:],
            "test": patches[test_folder],
        }
        shown, display_range = display(bands)
        super().__init__(
            DatasetInfo(
                name=config.name,
                classes=CLASSES,
                palette=_PALETTE,
                bands=bands,
                multi_label=True,
                display_bands=shown,
                display_range=display_range,
                background=None,
                protocol=(
                    f"direction={config.direction}, val_patches={config.val_patches}, "
                    f"labels_file={config.labels_file}"
                ),
            ),
            records,
            quarantine.reasons,
        )

    def counts(self) -> dict[str, Count]:
        """Number of patches in each folder with a file of every sensor in use, labelled or not."""
        found = {
            folder: set.intersection(*(self._on_disk(folder, s) for s in self._sensors))
            for folder in FOLDERS
        }
        return {f"ROIs0000_{f}": Count(len(found[f]), self.expected_patches(f)) for f in FOLDERS}

    @abstractmethod
    def expected_patches(self, folder: str) -> int | None:
        """Number of patches that the providers state for a folder, ``None`` if they do not."""

    def read_image(self, image_id: str) -> Image:
        """``[bands, H, W]`` in the order of ``info.bands``; NaN in Sentinel-1 becomes -25 dB.

        Raises:
            UserError: names a file that is broken, has no CRS or the wrong number of bands, or
                differs in size from the first sensor's file.
        """
        return self._cache.get(image_id, self._decode)

    def georeference(self, image_id: str) -> Georeference | None:
        """Location of the patch; raises like `read_image`."""
        return read_georeference(self.record(image_id).files[0])

    def mask_files(self, image_id: str) -> tuple[Path, ...]:
        """See `Dataset.mask_files`."""
        return (self._mask_path(image_id),)

    def open_masks(self) -> Callable[[str], Mask]:
        """See `Dataset.open_masks`."""
        for folder in FOLDERS:
            check_folder(self._root, folder, "dfc")
        return self._read_mask

    def _mask_path(self, image_id: str) -> Path:
        folder, _, number = image_id.partition("_p")
        return patch_path(self._root, folder, "dfc", int(number))

    def _read_mask(self, image_id: str) -> Mask:
        path, size = self._mask_path(image_id), self.size(image_id)
        mask = read_classes(path)
        if mask.shape != size:
            image = self.record(image_id).files[0].name
            raise UserError(f"{path}: size {mask.shape}, but {image} has {size}")
        return mask

    def _decode(self, image_id: str) -> Image:
        layers: dict[str, NDArray[Any]] = {}
        files = self.record(image_id).files
        size: tuple[int, ...] | None = None
        for sensor, path in zip(self._sensors, files, strict=True):
            stored, _ = read_geotiff(path, max_pixels=self._max_pixels)
            names = BANDS[sensor]
            if len(stored) != len(names):
                raise UserError(
                    f"{path}: {len(stored)} bands, expected {len(names)} ({names[0]}..{names[-1]})"
                )
            size = size or stored.shape[1:]
            if stored.shape[1:] != size:
                raise UserError(f"{path}: size {stored.shape[1:]}, but {files[0].name} has {size}")
            layers |= zip(names, stored, strict=True)
        bands = self.info.bands
        image = np.empty((len(bands), *layers[bands[0]].shape), np.float32)
        for values, band in zip(image, bands, strict=True):
            to_physical(band, layers[band], values)
        return image

    def _labelled_patches(
        self, labels_file: str, quarantine: Quarantine
    ) -> dict[str, list[ImageRecord]]:
        """Records of each folder in the order of patch numbers."""
        on_disk = {
            (folder, sensor): self._on_disk(folder, sensor)
            for folder in FOLDERS
            for sensor in self._sensors
        }
        labels_path = self._root / labels_file
        if not labels_path.is_file():
            raise UserError(
                f"{labels_path}: no such labels file; make it once with: python -m "
                f"wsss.data.derive_labels dfc {self._root} --labels-file "
                f"{labels_file} [--source lc]"
            )
        table = read_labels(labels_path, CLASSES, multi_label=True)
        found: dict[str, list[tuple[int, ImageRecord]]] = {folder: [] for folder in FOLDERS}
        for image_id, labels in table.labels.items():
            parsed = parse_id(image_id)
            if parsed is None:
                raise UserError(
                    f"{labels_path}: image id '{image_id}', valid: test_p<number>, "
                    "validation_p<number>"
                )
            folder, number = parsed
            files = [patch_path(self._root, folder, sensor, number) for sensor in self._sensors]
            with quarantine.guard(image_id):
                for sensor, path in zip(self._sensors, files, strict=True):
                    if number not in on_disk[folder, sensor]:
                        raise UserError(f"{labels_path}: names '{image_id}', but {path} is missing")
                found[folder].append((number, ImageRecord(image_id, tuple(files), labels)))
        by_number = {folder: sorted(found[folder], key=lambda item: item[0]) for folder in FOLDERS}
        return {folder: [record for _, record in by_number[folder]] for folder in FOLDERS}

    def _on_disk(self, folder: str, sensor: str) -> set[int]:
        return set(list_patches(self._root, folder, sensor))

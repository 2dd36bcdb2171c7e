"""The types that describe a dataset: splits, images, masks, locations on Earth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
IGNORE_INDEX = 255

Image = NDArray[np.float32]
"""``[bands, H, W]`` in the dataset's physical units; NaN where a band holds no data."""
Mask = NDArray[np.uint8]
"""``[H, W]`` of class indices; pixels of `IGNORE_INDEX` are not scored."""


class Count(NamedTuple):
    """Number of images in a part of a dataset."""

    found: int
    expected: int | None
    """The number that the providers state, ``None`` if they state none."""


class Georeference(NamedTuple):
    """Location of an image on Earth."""

    crs: str
    """Coordinate reference system as WKT."""
    transform: tuple[float, float, float, float, float, float]
    """Affine transform from pixels to map coordinates, in rasterio's order."""


@dataclass(frozen=True)
class DatasetInfo:
    """What models and figures need to know about a dataset."""

    name: str
    classes: tuple[str, ...]
    """Names of all classes, in the order of class indices in masks."""
    palette: tuple[tuple[int, int, int], ...]
    """One RGB colour in 0..255 per class."""
    bands: tuple[str, ...]
    """Names of the bands that `Dataset.read_image` returns, in order."""
    multi_label: bool
    """Whether an image may have several labels; otherwise it has exactly one."""
    display_bands: tuple[int, int, int]
    """Indices of the bands shown as red, green and blue."""
    display_range: tuple[float, float]
    """Band values that are shown as black and as full brightness."""
    background: int | None
    """Index of the background class, ``None`` if the dataset has none."""
    protocol: str = ""
    """The settings that determine splits and image labels, written into results."""

    @property
    def image_classes(self) -> tuple[int, ...]:
        """Indices of the classes that can be image labels: one per output of a classifier.

        The background is among them only in single-label datasets, where it labels images that
        show no other class.
        """
        unlabelled = self.background if self.multi_label else None
        return tuple(i for i in range(len(self.classes)) if i != unlabelled)

    @property
    def image_class_names(self) -> tuple[str, ...]:
        """Names of `image_classes`."""
        return tuple(self.classes[index] for index in self.image_classes)


@dataclass(frozen=True)
class ImageRecord:
    """An image, its files and its labels."""

    image_id: str
    """Unique in the dataset; names the files that are written for the image."""
    files: tuple[Path, ...]
    """The image files, one per sensor; masks are not among them."""
    labels: tuple[int, ...]
    """The image labels, as indices of `DatasetInfo.classes`."""

"""What a dataset is made of: splits, images, masks, places on Earth."""

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
"""``[bands, H, W]`` in the dataset's physical units."""
Mask = NDArray[np.uint8]
"""``[H, W]`` of class indices, `IGNORE_INDEX` where no class counts."""


class Count(NamedTuple):
    """How many images a part of a dataset has."""

    found: int
    expected: int | None
    """As its providers state it, ``None`` where nobody does."""


class Georeference(NamedTuple):
    """Where an image lies on Earth."""

    crs: str
    """Coordinate reference system as WKT."""
    transform: tuple[float, float, float, float, float, float]
    """Affine pixel-to-map transform, in rasterio's order."""


@dataclass(frozen=True)
class DatasetInfo:
    """What models and figures need to know of a dataset."""

    name: str
    classes: tuple[str, ...]
    """Every class of a pixel, in the order of mask values."""
    palette: tuple[tuple[int, int, int], ...]
    """One RGB colour in 0..255 per class."""
    bands: tuple[str, ...]
    """Names of the bands that `Dataset.read_image` returns, in order."""
    multi_label: bool
    """Whether an image may carry several labels (else exactly one)."""
    display_bands: tuple[int, int, int]
    """Indices of the bands shown as red, green and blue."""
    display_range: tuple[float, float]
    """Values shown as black and as full brightness."""
    background: int | None
    """Index of the class of pixels that show none of the others, ``None`` where there is none."""
    protocol: str = ""
    """The settings that chose splits and image labels, where there is a choice; for results."""

    @property
    def image_classes(self) -> tuple[int, ...]:
        """Indices of the classes that images are labelled with: one per output of a classifier.

        The background is among them only where an image has exactly one label, which must then be
        able to say "none of the others".
        """
        unlabelled = self.background if self.multi_label else None
        return tuple(i for i in range(len(self.classes)) if i != unlabelled)

    @property
    def image_class_names(self) -> tuple[str, ...]:
        """Names of `image_classes`."""
        return tuple(self.classes[index] for index in self.image_classes)


@dataclass(frozen=True)
class ImageRecord:
    """One image."""

    image_id: str
    files: tuple[Path, ...]
    labels: tuple[int, ...]
    """Indices, in `DatasetInfo.classes`, of the classes that the image is labelled with."""

"""What a dataset is to the rest of the library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsss.errors import UserError

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
IGNORE_INDEX = 255

Image = NDArray[np.float32]
"""``[bands, H, W]`` in the dataset's physical units."""
Mask = NDArray[np.uint8]
"""``[H, W]`` of class indices, `IGNORE_INDEX` where no class counts."""


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


@dataclass(frozen=True)
class Record:
    """One image: its id, its files and the indices of the classes it is labelled with."""

    image_id: str
    files: tuple[Path, ...]
    labels: tuple[int, ...]


class Dataset(ABC):
    """Images with image-level labels in three splits, and pixel masks behind `open_masks`.

    Raises:
        UserError: from the constructor where a split is empty or an id stands twice.
    """

    def __init__(self, info: DatasetInfo, records: Mapping[Split, Sequence[Record]]) -> None:
        self.info = info
        self._records = {split: tuple(records[split]) for split in SPLITS}
        self._by_id: dict[str, Record] = {}
        for split, members in self._records.items():
            if not members:
                raise UserError(f"dataset {info.name}: split '{split}' has no image")
            for record in members:
                if record.image_id in self._by_id:
                    raise UserError(f"dataset {info.name}: image id '{record.image_id}' twice")
                self._by_id[record.image_id] = record

    def ids(self, split: Split) -> tuple[str, ...]:
        """Image ids of a split, in a fixed order."""
        return tuple(record.image_id for record in self._records[split])

    def labels(self, split: Split) -> NDArray[np.float32]:
        """Image-level labels ``[images, classes]`` of 0 and 1, in the order of `ids`."""
        table = np.zeros((len(self._records[split]), len(self.info.classes)), np.float32)
        for row, record in enumerate(self._records[split]):
            table[row, list(record.labels)] = 1
        return table

    def index(self, split: Split) -> list[tuple[str, list[int], list[int]]]:
        """Id, file sizes in bytes and labels of every image: what a fingerprint depends on."""
        return [
            (r.image_id, [f.stat().st_size for f in r.files], list(r.labels))
            for r in self._records[split]
        ]

    def record(self, image_id: str) -> Record:
        """The record of an image."""
        return self._by_id[image_id]

    @abstractmethod
    def read_image(self, image_id: str) -> Image:
        """Read an image; `UserError` names the file that cannot be read or has odd bands."""

    @abstractmethod
    def georeference(self, image_id: str) -> Georeference | None:
        """Where the image lies on Earth, ``None`` for a picture without coordinates."""

    @abstractmethod
    def open_masks(self) -> Callable[[str], Mask]:
        """The only way to pixel labels: a function from image id to mask.

        Only the `evaluate` stage and the fully supervised ceiling may call it. Raises
        `UserError` where the dataset has no masks; the function it returns does so for a mask
        that is missing, unreadable, of another size than its image or with a class out of range.
        """

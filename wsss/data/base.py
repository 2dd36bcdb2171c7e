"""The interface of a dataset to the rest of the library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from wsss.data.files.raster import picture_size
from wsss.data.image_ids import check_id
from wsss.data.mask_labels import MaskLabels
from wsss.data.settings import DatasetSettings
from wsss.data.types import (
    SPLITS,
    Count,
    DatasetInfo,
    Georeference,
    Image,
    ImageRecord,
    Mask,
    Split,
)
from wsss.digests import file_digests
from wsss.errors import UserError

IndexRow = tuple[str, list[str], list[int]]
"""Id, SHA-256 of each file, and labels of an image."""


class Dataset(ABC):
    """Images with image-level labels in three splits; pixel masks only through `open_masks`.

    A concrete class takes its configuration as the only argument of its constructor and is listed
    in `wsss.data.registry`.

    Args:
        info: description of the dataset.
        records: the images of each split.
        quarantined: why images were left out, by id.

    Raises:
        UserError: from the constructor, if a split is empty or an image id is duplicated.
    """

    config_class: ClassVar[type[DatasetSettings]]
    """The configuration that describes the dataset."""
    mask_labels: ClassVar[MaskLabels | None] = None
    """How image labels are derived from masks; ``None`` if the dataset ships image labels."""

    def __init__(
        self,
        info: DatasetInfo,
        records: Mapping[Split, Sequence[ImageRecord]],
        quarantined: Mapping[str, str],
    ) -> None:
        self.info = info
        self.quarantined = dict(quarantined)
        """Why images were left out, by id."""
        self.memory: Path | None = None
        """Folder that keeps the digests of files, see `wsss.digests`; ``None`` keeps nothing."""
        self._set_records(records)

    def leave_out(self, reasons: Mapping[str, str]) -> None:
        """Remove images from their splits and note why; `UserError` if a split becomes empty."""
        self.quarantined |= reasons
        self._set_records(
            {s: [r for r in self._records[s] if r.image_id not in reasons] for s in SPLITS}
        )

    def _set_records(self, records: Mapping[Split, Sequence[ImageRecord]]) -> None:
        self._records = {split: tuple(records[split]) for split in SPLITS}
        self._index: dict[Split, list[IndexRow]] = {}
        self._by_id: dict[str, ImageRecord] = {}
        info, reasons = self.info, list(self.quarantined.values())
        for split, members in self._records.items():
            if not members:
                more = f"; and {len(reasons) - 1} more" if reasons[1:] else ""
                but = f", {len(reasons)} left out: {reasons[0]}{more}" if reasons else ""
                raise UserError(f"dataset {info.name}: split '{split}' has no image{but}")
            for record in members:
                check_id(info.name, record.image_id)
                if record.image_id in self._by_id:
                    raise UserError(f"dataset {info.name}: duplicate image id '{record.image_id}'")
                self._by_id[record.image_id] = record

    def ids(self, split: Split) -> tuple[str, ...]:
        """Image ids of a split; the order is fixed."""
        return tuple(record.image_id for record in self._records[split])

    def labels(self, split: Split) -> NDArray[np.float32]:
        """Image-level labels ``[images, image classes]`` of 0 and 1.

        Rows follow `ids`, columns follow `DatasetInfo.image_classes`.
        """
        table = np.zeros((len(self._records[split]), len(self.info.classes)), np.float32)
        for row, record in enumerate(self._records[split]):
            table[row, list(record.labels)] = 1
        return table[:, list(self.info.image_classes)]

    def index(self, split: Split) -> list[IndexRow]:
        """Id, digests of files and labels of every image: the input of fingerprints.

        Files are read at the first call, those that `memory` knows only if they have changed.
        """
        if split not in self._index:
            records = self._records[split]
            digests = iter(file_digests([f for r in records for f in r.files], self.memory))
            self._index[split] = [
                (r.image_id, [next(digests) for _ in r.files], list(r.labels)) for r in records
            ]
        return self._index[split]

    def counts(self) -> dict[str, Count]:
        """Number of images per split, or per list or folder if the providers state its size."""
        return {split: Count(len(self._records[split]), None) for split in SPLITS}

    def record(self, image_id: str) -> ImageRecord:
        """The record of an image."""
        return self._by_id[image_id]

    def size(self, image_id: str) -> tuple[int, int]:
        """Height and width in pixels, read from the header of the image's file."""
        return picture_size(self.record(image_id).files[0])

    @abstractmethod
    def read_image(self, image_id: str) -> Image:
        """``[bands, H, W]``; `UserError` names a file that is unreadable or has the wrong bands."""

    @abstractmethod
    def georeference(self, image_id: str) -> Georeference | None:
        """Location of the image on Earth, ``None`` for a picture without coordinates."""

    @abstractmethod
    def mask_files(self, image_id: str) -> tuple[Path, ...] | None:
        """Files that determine the image's pixel mask, which may be missing; none is read.

        Empty for an image known to be all background, ``None`` for an image without a mask.
        """

    def has_mask(self, image_id: str) -> bool:
        """Whether the image has a pixel mask, without reading it."""
        files = self.mask_files(image_id)
        return files is not None and all(path.is_file() for path in files)

    @abstractmethod
    def open_masks(self) -> Callable[[str], Mask]:
        """The only access to pixel labels: returns a function from image id to mask.

        Only the `evaluate` stage, the fully supervised ceiling and the check of a dataset may call
        it. The check names broken masks, and prints which classes of image labels no mask holds.

        Raises:
            UserError: if the dataset has no masks. The returned function raises it for a mask that
                is missing or unreadable, differs in size from its image or has invalid values.
        """

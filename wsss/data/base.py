"""What a dataset does for the rest of the library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from wsss.data.files.raster import picture_size
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
from wsss.errors import UserError


class Dataset(ABC):
    """Images with image-level labels in three splits, and pixel masks behind `open_masks`.

    Args:
        info: what the dataset is.
        records: the images of each split.
        quarantined: why each image that was left out is, by id.

    Raises:
        UserError: from the constructor where a split is empty or an id stands twice.
    """

    def __init__(
        self,
        info: DatasetInfo,
        records: Mapping[Split, Sequence[ImageRecord]],
        quarantined: Mapping[str, str],
    ) -> None:
        self.info = info
        self.quarantined = dict(quarantined)
        """Why each image that was left out is, by id."""
        self._set_records(records)

    def leave_out(self, reasons: Mapping[str, str]) -> None:
        """Drop images from their splits and remember why; `UserError` where a split gets empty."""
        self.quarantined |= reasons
        self._set_records(
            {s: [r for r in self._records[s] if r.image_id not in reasons] for s in SPLITS}
        )

    def _set_records(self, records: Mapping[Split, Sequence[ImageRecord]]) -> None:
        self._records = {split: tuple(records[split]) for split in SPLITS}
        self._by_id: dict[str, ImageRecord] = {}
        info, left_out = self.info, len(self.quarantined)
        for split, members in self._records.items():
            if not members:
                but = f", {left_out} unreadable ones left out" if left_out else ""
                raise UserError(f"dataset {info.name}: split '{split}' has no image{but}")
            for record in members:
                if record.image_id in self._by_id:
                    raise UserError(f"dataset {info.name}: image id '{record.image_id}' twice")
                self._by_id[record.image_id] = record

    def ids(self, split: Split) -> tuple[str, ...]:
        """Image ids of a split, in a fixed order."""
        return tuple(record.image_id for record in self._records[split])

    def labels(self, split: Split) -> NDArray[np.float32]:
        """Image-level labels ``[images, image classes]`` of 0 and 1.

        Rows are in the order of `ids`, columns in that of `DatasetInfo.image_classes`.
        """
        table = np.zeros((len(self._records[split]), len(self.info.classes)), np.float32)
        for row, record in enumerate(self._records[split]):
            table[row, list(record.labels)] = 1
        return table[:, list(self.info.image_classes)]

    def index(self, split: Split) -> list[tuple[str, list[int], list[int]]]:
        """Id, file sizes in bytes and labels of every image: what a fingerprint depends on."""
        return [
            (r.image_id, [f.stat().st_size for f in r.files], list(r.labels))
            for r in self._records[split]
        ]

    def counts(self) -> dict[str, Count]:
        """Images of each split, or of each list or folder that the providers give a number for."""
        return {split: Count(len(self._records[split]), None) for split in SPLITS}

    def record(self, image_id: str) -> ImageRecord:
        """The record of an image."""
        return self._by_id[image_id]

    def size(self, image_id: str) -> tuple[int, int]:
        """Height and width in pixels, from the header of the image's file alone."""
        return picture_size(self.record(image_id).files[0])

    @abstractmethod
    def read_image(self, image_id: str) -> Image:
        """Read an image; `UserError` names the file that cannot be read or has odd bands."""

    @abstractmethod
    def georeference(self, image_id: str) -> Georeference | None:
        """Where the image lies on Earth, ``None`` for a picture without coordinates."""

    @abstractmethod
    def has_mask(self, image_id: str) -> bool:
        """Whether there is a pixel mask of the image, by its name: no pixel is looked at."""

    @abstractmethod
    def open_masks(self) -> Callable[[str], Mask]:
        """The only way to pixel labels: a function from image id to mask.

        Only the `evaluate` stage and the fully supervised ceiling may call it, and the check of a
        dataset, which says which masks are broken and nothing else of them.

        Raises `UserError` where the dataset has no masks; the function it returns does so for a
        mask that is missing, unreadable, of another size than its image or holds odd values.
        """

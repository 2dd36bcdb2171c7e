"""Base classes for datasets of RGB pictures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from wsss.data.base import Dataset
from wsss.data.files.cache import ImageCache
from wsss.data.files.raster import read_picture
from wsss.data.mask_place import check_mask_size
from wsss.data.settings import DatasetSettings
from wsss.data.types import DatasetInfo, Georeference, Image, ImageRecord, Mask, Split

RGB = ("red", "green", "blue")


class Pictures(Dataset):
    """RGB pictures of any size without coordinates, values in 0..255.

    Grey pictures are read as three equal bands.
    """

    def __init__(
        self,
        info: DatasetInfo,
        records: Mapping[Split, Sequence[ImageRecord]],
        quarantined: Mapping[str, str],
        config: DatasetSettings,
    ) -> None:
        super().__init__(info, records, quarantined)
        self._cache = ImageCache(config.cache_mb)
        self._max_pixels = config.max_pixels

    def read_image(self, image_id: str) -> Image:
        """``[3, H, W]``; `UserError` names a file that is unreadable."""
        return self._cache.get(image_id, self._decode)

    def georeference(self, image_id: str) -> Georeference | None:
        """``None``: pictures have no coordinates."""
        return None

    def _decode(self, image_id: str) -> Image:
        image = read_picture(self.record(image_id).files[0], max_pixels=self._max_pixels)
        return image if len(image) == 3 else np.repeat(image, 3, axis=0)


class PictureDataset(Pictures):
    """Pictures with one mask file per image."""

    def mask_files(self, image_id: str) -> tuple[Path, ...]:
        """See `Dataset.mask_files`."""
        path = self._mask_path(image_id)
        return () if path is None else (path,)

    def open_masks(self) -> Callable[[str], Mask]:
        """See `Dataset.open_masks`."""
        return self._read_mask

    @abstractmethod
    def _mask_path(self, image_id: str) -> Path | None:
        """Path of an image's mask, which may be missing; ``None`` if all pixels are background."""

    @abstractmethod
    def _decode_mask(self, path: Path) -> Mask:
        """Read a mask file as class indices ``[H, W]``."""

    def _read_mask(self, image_id: str) -> Mask:
        path, size = self._mask_path(image_id), self.size(image_id)
        if path is None:
            return np.full(size, self.info.background, np.uint8)
        mask = self._decode_mask(path)
        check_mask_size(path, mask, size)
        return mask


def picture_info(
    name: str,
    classes: Sequence[str],
    palette: Sequence[tuple[int, int, int]],
    *,
    background: int | None,
    multi_label: bool,
    protocol: str,
) -> DatasetInfo:
    """`DatasetInfo` of a dataset of RGB pictures."""
    return DatasetInfo(
        name=name,
        classes=tuple(classes),
        palette=tuple(palette),
        bands=RGB,
        multi_label=multi_label,
        display_bands=(0, 1, 2),
        display_range=(0.0, 255.0),
        background=background,
        protocol=protocol,
    )

"""A user's own images: a folder of files, a labels file and lists of ids."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsss.data.augment import AugmentConfig
from wsss.data.base import (
    IGNORE_INDEX,
    SPLITS,
    Dataset,
    DatasetInfo,
    Georeference,
    Image,
    Mask,
    Record,
    Split,
)
from wsss.data.cache import ImageCache
from wsss.data.labels import LabelTable, read_labels
from wsss.data.raster import picture_size, read_georeference, read_index_mask, read_picture
from wsss.errors import UserError

IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
MASK_SUFFIXES = (".tif", ".tiff", ".png")


@dataclass(frozen=True)
class FolderConfig:
    """Where the parts of a user's dataset lie; paths are relative to `root`."""

    name: str
    root: str
    image_size: int
    """Side in pixels that images are brought to for the networks."""
    images: str
    """Folder of ``<id>.<tif|tiff|png|jpg|jpeg>``."""
    labels_file: str
    """Image labels, see `wsss.data.labels.read_labels`."""
    classes_file: str
    """Class names, one a line, in the order of their indices."""
    masks: str | None
    """Folder of ``<id>.<tif|tiff|png>`` with class indices; null where there are none."""
    lists: str | None
    """Folder of train.txt, val.txt and test.txt with ids; null to use the column ``split``."""
    bands: list[str]
    """A name for each band of the files, in file order."""
    display_bands: list[int]
    """Indices of the bands shown as red, green and blue."""
    display_range: list[float]
    """Values shown as black and as full brightness."""
    multi_label: bool
    """Whether an image may carry several labels."""
    cache_mb: int
    """Memory in MiB for decoded images, 0 for none."""
    augment: AugmentConfig


class FolderDataset(Dataset):
    """Images from files, with values as they are stored.

    Image files are listed, not opened.

    Raises:
        UserError: naming a file or folder that is missing, an id without file or labels, or what
            is wrong with the class list, the labels file, the lists or the configuration.
    """

    def __init__(self, config: FolderConfig) -> None:
        root = Path(config.root)
        if not root.is_dir():
            raise UserError(f"dataset {config.name}: no folder {root}")
        self.config = config
        self._cache = ImageCache(config.cache_mb)
        self._masks = None if config.masks is None else root / config.masks
        self._mask_files: dict[str, Path] = {}
        classes = read_class_list(root / config.classes_file)
        labels_path = root / config.labels_file
        table = read_labels(labels_path, classes, multi_label=config.multi_label)
        files = _files_by_stem(root / config.images, IMAGE_SUFFIXES)
        records: dict[Split, list[Record]] = {}
        for split, ids in _ids_of_splits(config, table).items():
            for image_id in ids:
                if image_id not in table.labels:
                    raise UserError(f"{labels_path}: no row for image '{image_id}' of {split}")
                if image_id not in files:
                    raise UserError(
                        f"{root / config.images}: no file for image '{image_id}' of {split}; "
                        f"expected {image_id} with one of {', '.join(IMAGE_SUFFIXES)}"
                    )
            records[split] = [Record(i, (files[i],), table.labels[i]) for i in ids]
        super().__init__(_info(config, classes), records)

    def read_image(self, image_id: str) -> Image:
        """``[bands, H, W]``, raw values in file order.

        Raises:
            UserError: naming the file that is broken, has another number of bands or holds NaN
                or infinite values.
        """
        return self._cache.get(image_id, self._decode)

    def georeference(self, image_id: str) -> Georeference | None:
        """Where the image lies on Earth, ``None`` for a picture; raises as `read_image`."""
        return read_georeference(self.record(image_id).files[0])

    def open_masks(self) -> Callable[[str], Mask]:
        """See `Dataset.open_masks`."""
        if self._masks is None:
            raise UserError(f"dataset {self.info.name}: has no pixel masks (masks=null)")
        self._mask_files = _files_by_stem(self._masks, MASK_SUFFIXES)
        return self._read_mask

    def _read_mask(self, image_id: str) -> Mask:
        if image_id not in self._mask_files:
            raise UserError(
                f"{self._masks}: no mask for image '{image_id}'; "
                f"expected {image_id} with one of {', '.join(MASK_SUFFIXES)}"
            )
        path = self._mask_files[image_id]
        mask = read_index_mask(path)
        size = picture_size(self.record(image_id).files[0])
        if mask.shape != size:
            raise UserError(f"{path}: size {mask.shape}, but its image has {size}")
        count = len(self.info.classes)
        wrong = mask[(mask >= count) & (mask != IGNORE_INDEX)]
        if wrong.size:
            raise UserError(f"{path}: class {wrong[0]}, valid: 0..{count - 1}, {IGNORE_INDEX}")
        return mask

    def _decode(self, image_id: str) -> Image:
        path = self.record(image_id).files[0]
        image = read_picture(path)
        bands = self.info.bands
        if len(image) != len(bands):
            raise UserError(
                f"{path}: {len(image)} bands, but the configuration names {len(bands)} "
                f"({', '.join(bands)})"
            )
        if not np.isfinite(image).all():
            raise UserError(f"{path}: holds NaN or infinite values; fill them first")
        return image


def read_class_list(path: Path) -> tuple[str, ...]:
    """Read class names, one a line; `UserError` where there are none, one twice or over 255."""
    classes = _read_lines(path, "class list")
    if not 0 < len(classes) <= IGNORE_INDEX:
        raise UserError(f"{path}: {len(classes)} classes, valid: 1 to {IGNORE_INDEX}")
    for name in classes:
        if classes.count(name) > 1:
            raise UserError(f"{path}: class '{name}' stands twice")
    return tuple(classes)


def distinct_colours(count: int) -> tuple[tuple[int, int, int], ...]:
    """RGB colours in 0..255 of evenly spaced hues, neighbours of different brightness."""
    levels = (0.95, 0.6, 0.8)
    colours = []
    for index in range(count):
        rgb = colorsys.hsv_to_rgb(index / count, 0.85, levels[index % len(levels)])
        colours.append((round(rgb[0] * 255), round(rgb[1] * 255), round(rgb[2] * 255)))
    return tuple(colours)


def _info(config: FolderConfig, classes: tuple[str, ...]) -> DatasetInfo:
    count = len(config.bands)
    for band in config.bands:
        if config.bands.count(band) > 1:
            raise UserError(f"band '{band}' stands twice in bands")
    if len(config.display_bands) != 3 or not all(0 <= b < count for b in config.display_bands):
        raise UserError(
            f"display_bands={config.display_bands}: must be three indices from 0 to {count - 1}"
        )
    if len(config.display_range) != 2 or not config.display_range[0] < config.display_range[1]:
        raise UserError(f"display_range={config.display_range}: must be two rising values")
    red, green, blue = config.display_bands
    black, bright = config.display_range
    return DatasetInfo(
        config.name,
        classes,
        distinct_colours(len(classes)),
        tuple(config.bands),
        config.multi_label,
        (red, green, blue),
        (black, bright),
    )


def _ids_of_splits(config: FolderConfig, table: LabelTable) -> dict[Split, Sequence[str]]:
    root = Path(config.root)
    if config.lists is not None:
        folder = root / config.lists
        return {split: _read_lines(folder / f"{split}.txt", "list of ids") for split in SPLITS}
    if table.splits is None:
        raise UserError(
            f"dataset {config.name}: no splits; set 'lists' to a folder with train.txt, val.txt "
            f"and test.txt, or add a column 'split' to {root / config.labels_file}"
        )
    of = table.splits
    return {split: [image_id for image_id in of if of[image_id] == split] for split in SPLITS}


def _read_lines(path: Path, what: str) -> list[str]:
    if not path.is_file():
        raise UserError(f"{path}: no such {what}")
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text in UTF-8 ({error})") from error
    return [line.strip() for line in lines if line.strip()]


def _files_by_stem(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes:
            continue
        if path.stem in files:
            raise UserError(
                f"{folder}: {files[path.stem].name} and {path.name} are both image '{path.stem}'"
            )
        files[path.stem] = path
    return files

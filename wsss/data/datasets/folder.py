"""The user's images: a folder of files, a labels file and lists of ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsss.data.base import Dataset
from wsss.data.files.cache import ImageCache
from wsss.data.files.labels import LabelTable, read_labels
from wsss.data.files.lists import read_class_list, read_lines
from wsss.data.files.palette import distinct_colours
from wsss.data.files.raster import read_georeference, read_index_mask, read_picture
from wsss.data.image_ids import plain_id
from wsss.data.mask_place import check_mask_place, check_mask_size
from wsss.data.quarantine import Quarantine
from wsss.data.settings import DatasetSettings
from wsss.data.types import (
    IGNORE_INDEX,
    SPLITS,
    DatasetInfo,
    Georeference,
    Image,
    ImageRecord,
    Mask,
    Split,
)
from wsss.errors import UserError

IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
MASK_SUFFIXES = (".tif", ".tiff", ".png")


@dataclass(frozen=True)
class FolderConfig(DatasetSettings):
    """A dataset of the user; paths are relative to `root`."""

    images: str
    """Folder of image files ``<id>.<tif|tiff|png|jpg|jpeg>``."""
    labels_file: str
    """File of image labels; for its format see `wsss.data.files.labels.read_labels`."""
    classes_file: str
    """File of class names, one per line, in the order of class indices."""
    masks: str | None
    """Folder of masks ``<id>.<tif|tiff|png>`` of class indices; ``None`` if there are no masks."""
    lists: str | None
    """Folder of train.txt, val.txt and test.txt with image ids.

    ``None`` takes the splits from the column ``split`` of the labels file.
    """
    bands: list[str]
    """Names of the bands, in file order."""
    display_bands: list[int]
    """Indices of the bands shown as red, green and blue."""
    display_range: list[float]
    """Band values that are shown as black and as full brightness."""
    multi_label: bool
    """Whether an image may have several labels; otherwise it has exactly one."""
    background: str | None
    """Name of the background class, ``None`` if there is none.

    It can be an image label only if `multi_label` is false.
    """


class FolderDataset(Dataset):
    """The user's images, with values as stored in their files.

    Image files are listed, not opened.

    Raises:
        UserError: names a file or folder that is missing, an image id without a file or labels, or
            an error in the class list, the labels file, the lists or the configuration.
    """

    config_class = FolderConfig

    def __init__(self, config: FolderConfig) -> None:
        root = Path(config.root)
        if not root.is_dir():
            raise UserError(f"dataset {config.name}: no folder {root}")
        self._cache = ImageCache(config.cache_mb)
        self._max_pixels = config.max_pixels
        self._masks = None if config.masks is None else root / config.masks
        self._mask_by_id: dict[str, Path] = {}
        if self._masks is not None and self._masks.is_dir():  # only evaluation needs masks
            self._mask_by_id = _files_by_stem(self._masks, MASK_SUFFIXES)
        classes = read_class_list(root / config.classes_file)
        labels_path = root / config.labels_file
        info = _info(config, classes)
        table = read_labels(
            labels_path,
            info.image_class_names,
            multi_label=info.multi_label,
            may_be_empty=info.background is not None and info.multi_label,
        )
        files = _files_by_stem(root / config.images, IMAGE_SUFFIXES)
        records: dict[Split, list[ImageRecord]] = {}
        quarantine = Quarantine(config.on_error)
        for split, ids in _ids_of_splits(config, table).items():
            records[split] = []
            for image_id in ids:
                if image_id not in table.labels:
                    raise UserError(f"{labels_path}: no row for image '{image_id}' of {split}")
                labels = tuple(info.image_classes[column] for column in table.labels[image_id])
                with quarantine.guard(image_id):
                    if image_id not in files:
                        raise UserError(
                            f"{root / config.images}: no file for image '{image_id}' of {split}; "
                            f"expected {image_id} with one of {', '.join(IMAGE_SUFFIXES)}"
                        )
                    records[split].append(ImageRecord(image_id, (files[image_id],), labels))
        super().__init__(info, records, quarantine.reasons)

    def read_image(self, image_id: str) -> Image:
        """``[bands, H, W]`` in the order of ``info.bands``, NaN where there is no data.

        Bands are found by the names that a file gives them, else taken in file order.

        Raises:
            UserError: names a file that is broken, too large or has the wrong number of bands.
        """
        return self._cache.get(image_id, self._decode)

    def georeference(self, image_id: str) -> Georeference | None:
        """Location on Earth, ``None`` for a file without coordinates; raises like `read_image`."""
        return read_georeference(self.record(image_id).files[0])

    def mask_files(self, image_id: str) -> tuple[Path, ...] | None:
        """See `Dataset.mask_files`."""
        path = self._mask_by_id.get(image_id)
        return None if path is None else (path,)

    def open_masks(self) -> Callable[[str], Mask]:
        """See `Dataset.open_masks`."""
        if self._masks is None:
            raise UserError(f"dataset {self.info.name}: has no pixel masks (masks=null)")
        _check_folder(self._masks)
        return self._read_mask

    def _read_mask(self, image_id: str) -> Mask:
        if image_id not in self._mask_by_id:
            raise UserError(
                f"{self._masks}: no mask for image '{image_id}'; "
                f"expected {image_id} with one of {', '.join(MASK_SUFFIXES)}"
            )
        path = self._mask_by_id[image_id]
        mask = read_index_mask(path, nodata=IGNORE_INDEX)
        size = self.size(image_id)
        check_mask_size(path, mask, size)
        check_mask_place(path, read_georeference(path), self.georeference(image_id), size)
        count = len(self.info.classes)
        wrong = mask[(mask >= count) & (mask != IGNORE_INDEX)]
        if wrong.size:
            raise UserError(f"{path}: class {wrong[0]}, valid: 0..{count - 1}, {IGNORE_INDEX}")
        return mask

    def _decode(self, image_id: str) -> Image:
        path = self.record(image_id).files[0]
        bands = self.info.bands
        image = read_picture(path, bands, max_pixels=self._max_pixels)
        if len(image) != len(bands):
            raise UserError(
                f"{path}: {len(image)} bands, but the configuration names {len(bands)} "
                f"({', '.join(bands)})"
            )
        return image


def _info(config: FolderConfig, classes: tuple[str, ...]) -> DatasetInfo:
    count = len(config.bands)
    for band in config.bands:
        if config.bands.count(band) > 1:
            raise UserError(f"duplicate band '{band}' in bands")
    if len(config.display_bands) != 3 or not all(0 <= b < count for b in config.display_bands):
        raise UserError(
            f"display_bands={config.display_bands}: must be three indices from 0 to {count - 1}"
        )
    if len(config.display_range) != 2 or not config.display_range[0] < config.display_range[1]:
        raise UserError(f"display_range={config.display_range}: must be two ascending values")
    if config.background is not None and config.background not in classes:
        raise UserError(
            f"dataset.background is '{config.background}', not a class of {config.classes_file}; "
            f"classes: {', '.join(classes)}"
        )
    red, green, blue = config.display_bands
    black, bright = config.display_range
    return DatasetInfo(
        name=config.name,
        classes=classes,
        palette=distinct_colours(len(classes)),
        bands=tuple(config.bands),
        multi_label=config.multi_label,
        display_bands=(red, green, blue),
        display_range=(black, bright),
        background=None if config.background is None else classes.index(config.background),
        protocol=f"lists={config.lists or 'column split'}, labels_file={config.labels_file}",
    )


def _ids_of_splits(config: FolderConfig, table: LabelTable) -> dict[Split, Sequence[str]]:
    root = Path(config.root)
    if config.lists is not None:
        folder = root / config.lists
        return {
            split: [plain_id(line) for line in read_lines(folder / f"{split}.txt", "list of ids")]
            for split in SPLITS
        }
    if table.splits is None:
        raise UserError(
            f"dataset {config.name}: no splits; set 'lists' to a folder with train.txt, val.txt "
            f"and test.txt, or add a column 'split' to {root / config.labels_file}"
        )
    of = table.splits
    return {split: [image_id for image_id in of if of[image_id] == split] for split in SPLITS}


def _files_by_stem(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    _check_folder(folder)
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes:
            continue
        image_id = plain_id(path.stem)
        if image_id in files:
            raise UserError(
                f"{folder}: {files[image_id].name} and {path.name} are both image '{image_id}'"
            )
        files[image_id] = path
    return files


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")

"""ADE20K scene parsing (ADEChallengeData2016): photographs of scenes in 150 classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wsss.data.files.codes import ClassCodes
from wsss.data.files.lists import read_lines
from wsss.data.files.palette import distinct_colours
from wsss.data.files.raster import read_index_mask
from wsss.data.labelled import LabelledSettings, labelled_info, labelled_splits
from wsss.data.mask_labels import MaskLabels, read_each
from wsss.data.pictures import PictureDataset
from wsss.data.quarantine import Quarantine
from wsss.data.types import Count, Mask
from wsss.errors import UserError

NUM_CLASSES = 150
FOLDER_SIZES = {"training": 20210, "validation": 2000}
"""Number of images that the providers state for each folder."""
MIN_SHARE = 0.005
"""Share of an image that a class must cover to become a label.

This is one patch of 16 x 16 pixels in 224 x 224, the smallest area that a map resolves.
"""

_CLASS_LIST = "objectInfo150.txt"
#: 0 means none of the 150 classes.
_CODES = ClassCodes(
    {value: value - 1 for value in range(1, NUM_CLASSES + 1)},
    ignored=(0,),
    valid=f"0..{NUM_CLASSES}",
)


def read_classes(root: Path) -> tuple[str, ...]:
    """Class names: the first synonym in each row of objectInfo150.txt.

    Raises:
        UserError: names a row that is not the next class, or a duplicate name.
    """
    path = root / _CLASS_LIST
    header, *rows = read_lines(path, "class list") or [""]
    columns = header.split("\t")
    if not {"Idx", "Name"} <= set(columns):
        raise UserError(f"{path}: no columns Idx and Name, separated by tabs, in the first line")
    if len(rows) != NUM_CLASSES:
        raise UserError(f"{path}: {len(rows)} classes, expected {NUM_CLASSES}")
    names: list[str] = []
    for index, row in enumerate(rows, 1):
        cells = dict(zip(columns, row.split("\t"), strict=False))
        name = cells.get("Name", "").split(",")[0].strip()
        if cells.get("Idx", "").strip() != str(index) or not name:
            raise UserError(f"{path}: row {index} is '{row}', expected Idx {index} and a Name")
        if name in names:
            raise UserError(f"{path}: duplicate class '{name}'")
        names.append(name)
    return tuple(names)


def read_masks(root: Path) -> Iterator[tuple[str, Mask]]:
    """Image id and class indices ``[H, W]`` of every mask.

    Raises:
        UserError: if there is no mask; names one that is broken.
    """
    folders = [root / "annotations" / folder for folder in FOLDER_SIZES]
    files = [_files(folder, ".png") for folder in folders if folder.is_dir()]
    if_none = f"{root}: no mask in annotations/training or annotations/validation"
    return read_each(files, _decode, if_none)


def _decode(path: Path) -> Mask:
    return _CODES.decode(read_index_mask(path), path)


def _files(folder: Path, suffix: str) -> dict[str, Path]:
    """Files of a folder by image id, sorted by name."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; root must be the folder ADEChallengeData2016")
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix == suffix}


@dataclass(frozen=True)
class Ade20kConfig(LabelledSettings):
    """An ADEChallengeData2016 tree; `root` is the folder that holds objectInfo150.txt."""


class Ade20kDataset(PictureDataset):
    """Scenes in 150 classes without a background class; ``test`` is the folder validation.

    Raises:
        UserError: names a folder, class list or labels file that is missing or broken, or a
            labelled image without a file.
    """

    config_class = Ade20kConfig
    mask_labels = MaskLabels(read_classes, {"annotations": read_masks}, MIN_SHARE)

    def __init__(self, config: Ade20kConfig) -> None:
        self._root = Path(config.root)
        self._images = {f: _files(self._root / "images" / f, ".jpg") for f in FOLDER_SIZES}
        classes = read_classes(self._root)
        quarantine = Quarantine(config.on_error)
        records = labelled_splits(
            "ade20k",
            config,
            classes,
            training=self._images["training"],
            testing=self._images["validation"],
            quarantine=quarantine,
        )
        info = labelled_info(config, classes, distinct_colours(len(classes)))
        super().__init__(info, records, quarantine.reasons, config)

    def counts(self) -> dict[str, Count]:
        """Number of images per folder; see `Dataset.counts`."""
        return {f: Count(len(self._images[f]), size) for f, size in FOLDER_SIZES.items()}

    def _mask_path(self, image_id: str) -> Path:
        folder = self.record(image_id).files[0].parent.name
        return self._root / "annotations" / folder / f"{image_id}.png"

    def _decode_mask(self, path: Path) -> Mask:
        return _decode(path)

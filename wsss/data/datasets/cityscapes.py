"""Cityscapes: street scenes with fine masks in the 19 classes of its benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from wsss.data.files.codes import ClassCodes
from wsss.data.files.palette import Colour
from wsss.data.files.raster import read_index_mask
from wsss.data.labelled import LabelledSettings, labelled_info, labelled_splits
from wsss.data.mask_labels import MaskLabels, read_each
from wsss.data.pictures import PictureDataset
from wsss.data.quarantine import Quarantine
from wsss.data.types import Count, Mask
from wsss.errors import UserError

FOLDER_SIZES = {"train": 2975, "val": 500}
"""Number of images that the providers state for each folder."""
MIN_SHARE = 0.005
"""Share of an image that a class must cover to become a label.

This is one patch of 16 x 16 pixels in 224 x 224, the smallest area that a map resolves. If single
pixels counted, nearly every image would have the labels road, building, vegetation, car and pole.
"""


class StreetClass(NamedTuple):
    """A class of the benchmark."""

    name: str
    label_id: int
    """Value of the class in the files ``*_gtFine_labelIds.png``."""
    colour: Colour


CLASSES = (
    StreetClass("road", 7, (128, 64, 128)),
    StreetClass("sidewalk", 8, (244, 35, 232)),
    StreetClass("building", 11, (70, 70, 70)),
    StreetClass("wall", 12, (102, 102, 156)),
    StreetClass("fence", 13, (190, 153, 153)),
    StreetClass("pole", 17, (153, 153, 153)),
    StreetClass("traffic light", 19, (250, 170, 30)),
    StreetClass("traffic sign", 20, (220, 220, 0)),
    StreetClass("vegetation", 21, (107, 142, 35)),
    StreetClass("terrain", 22, (152, 251, 152)),
    StreetClass("sky", 23, (70, 130, 180)),
    StreetClass("person", 24, (220, 20, 60)),
    StreetClass("rider", 25, (255, 0, 0)),
    StreetClass("car", 26, (0, 0, 142)),
    StreetClass("truck", 27, (0, 0, 70)),
    StreetClass("bus", 28, (0, 60, 100)),
    StreetClass("train", 31, (0, 80, 100)),
    StreetClass("motorcycle", 32, (0, 0, 230)),
    StreetClass("bicycle", 33, (119, 11, 32)),
)

_NAMES = tuple(c.name for c in CLASSES)
_LAST_ID = 33
_IMAGE_END = "_leftImg8bit.png"
_MASK_END = "_gtFine_labelIds.png"
#: Id -1 (licence plates) does not occur in masks. 255 is invalid because it occurs in files of
#: the 19 training ids, which would otherwise be taken for label ids.
_CODES = ClassCodes(
    {c.label_id: index for index, c in enumerate(CLASSES)},
    ignored={*range(_LAST_ID + 1)} - {c.label_id for c in CLASSES},
    valid=f"label ids 0..{_LAST_ID}",
)


def read_masks(root: Path) -> Iterator[tuple[str, Mask]]:
    """Image id and class indices ``[H, W]`` of every mask.

    Raises:
        UserError: if there is no mask; names one that is broken.
    """
    folders = [root / "gtFine" / folder for folder in FOLDER_SIZES]
    files = [_files(folder, _MASK_END) for folder in folders if folder.is_dir()]
    return read_each(files, _decode, f"{root}: no mask gtFine/{{train,val}}/<city>/*{_MASK_END}")


def _decode(path: Path) -> Mask:
    return _CODES.decode(read_index_mask(path), path)


def _files(folder: Path, end: str) -> dict[str, Path]:
    """Files in the city folders of a folder by image id, sorted by name."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; root must hold leftImg8bit and gtFine")
    return {path.name.removesuffix(end): path for path in sorted(folder.glob(f"*/*{end}"))}


@dataclass(frozen=True)
class CityscapesConfig(LabelledSettings):
    """A Cityscapes tree; `root` is the folder that holds leftImg8bit and gtFine."""


class CityscapesDataset(PictureDataset):
    """Street scenes in 19 classes without a background class; ``test`` is the folder val.

    Image ids are ``<city>_<sequence>_<frame>``.

    Raises:
        UserError: names a folder or labels file that is missing or broken, or a labelled image
            without a file.
    """

    config_class = CityscapesConfig
    mask_labels = MaskLabels(lambda root: _NAMES, {"gtFine": read_masks}, MIN_SHARE)

    def __init__(self, config: CityscapesConfig) -> None:
        self._root = Path(config.root)
        self._images = {f: _files(self._root / "leftImg8bit" / f, _IMAGE_END) for f in FOLDER_SIZES}
        quarantine = Quarantine(config.on_error)
        records = labelled_splits(
            "cityscapes",
            config,
            _NAMES,
            training=self._images["train"],
            testing=self._images["val"],
            quarantine=quarantine,
        )
        info = labelled_info(config, _NAMES, [c.colour for c in CLASSES])
        super().__init__(info, records, quarantine.reasons, config)

    def counts(self) -> dict[str, Count]:
        """Number of images per folder; see `Dataset.counts`."""
        return {f: Count(len(self._images[f]), size) for f, size in FOLDER_SIZES.items()}

    def _mask_path(self, image_id: str) -> Path:
        city = self.record(image_id).files[0].parent
        return self._root / "gtFine" / city.parent.name / city.name / f"{image_id}{_MASK_END}"

    def _decode_mask(self, path: Path) -> Mask:
        return _decode(path)

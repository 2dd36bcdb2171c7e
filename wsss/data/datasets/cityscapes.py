"""Cityscapes: street scenes with fine masks in the 19 classes of its benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from wsss.data.files.codes import ClassCodes
from wsss.data.files.palette import Colour
from wsss.data.files.raster import read_index_mask
from wsss.data.labelled import LabelledSettings, decode_each, labelled_protocol, labelled_splits
from wsss.data.pictures import PictureDataset, picture_info
from wsss.data.quarantine import Quarantine
from wsss.data.types import Count, Mask
from wsss.errors import UserError

FOLDER_SIZES = {"train": 2975, "val": 500}
MIN_SHARE = 0.005
"""Share of an image that a class must cover to be one of its labels.

That is one patch of 16 x 16 pixels in 224 x 224: what is smaller, no map can point at. With any
pixel counting, nearly every image would carry road, building, vegetation, car and pole alike.
"""


class StreetClass(NamedTuple):
    """A class of the benchmark."""

    name: str
    label_id: int
    """Its value in the files ``*_gtFine_labelIds.png``."""
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

_LAST_ID = 33
_IMAGE_END = "_leftImg8bit.png"
_MASK_END = "_gtFine_labelIds.png"
#: The licence plates' id -1 is never drawn. A value of 255 means that a file holds the 19
#: training ids, which would pass for label ids otherwise.
_CODES = ClassCodes(
    {c.label_id: index for index, c in enumerate(CLASSES)},
    ignored={*range(_LAST_ID + 1)} - {c.label_id for c in CLASSES},
    valid=f"label ids 0..{_LAST_ID}",
)


@dataclass(frozen=True)
class CityscapesConfig(LabelledSettings):
    """A Cityscapes tree; `root` is the folder that holds leftImg8bit and gtFine."""


class CityscapesDataset(PictureDataset):
    """Street scenes in 19 classes, none of them a background; `test` is the folder val.

    Image ids are ``<city>_<sequence>_<frame>``.

    Raises:
        UserError: naming the folder or labels file that is missing or broken, or an image that has
            labels but no file.
    """

    def __init__(self, config: CityscapesConfig) -> None:
        self._root = Path(config.root)
        self._images = {f: _files(self._root / "leftImg8bit" / f, _IMAGE_END) for f in FOLDER_SIZES}
        quarantine = Quarantine(config.on_error)
        records = labelled_splits(
            "cityscapes",
            config,
            classes(self._root),
            self._images["train"],
            self._images["val"],
            quarantine,
        )
        colours = [c.colour for c in CLASSES]
        info = picture_info(
            config.name,
            classes(self._root),
            colours,
            background=None,
            multi_label=True,
            protocol=labelled_protocol(config),
        )
        super().__init__(info, records, quarantine.reasons, config.cache_mb)

    def counts(self) -> dict[str, Count]:
        """Images in each folder; see `Dataset.counts`."""
        return {f: Count(len(self._images[f]), size) for f, size in FOLDER_SIZES.items()}

    def _mask_path(self, image_id: str) -> Path:
        city = self.record(image_id).files[0].parent
        return self._root / "gtFine" / city.parent.name / city.name / f"{image_id}{_MASK_END}"

    def _decode_mask(self, path: Path) -> Mask:
        return _decode(path)


def classes(root: Path) -> tuple[str, ...]:
    """Names of the 19 classes, the same for every `root`."""
    return tuple(c.name for c in CLASSES)


def labelled_masks(root: Path) -> Iterator[tuple[str, Mask]]:
    """Image id and class indices ``[H, W]`` of every mask, to derive image labels from.

    Raises:
        UserError: where there is no mask at all, or naming one that is broken.
    """
    folders = [root / "gtFine" / folder for folder in FOLDER_SIZES]
    files = [_files(folder, _MASK_END) for folder in folders if folder.is_dir()]
    return decode_each(files, _decode, f"{root}: no mask gtFine/{{train,val}}/<city>/*{_MASK_END}")


def _decode(path: Path) -> Mask:
    return _CODES.decode(read_index_mask(path), path)


def _files(folder: Path, end: str) -> dict[str, Path]:
    """Files of a folder's cities by image id, in the order of their names."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; root must hold leftImg8bit and gtFine")
    return {path.name.removesuffix(end): path for path in sorted(folder.glob(f"*/*{end}"))}

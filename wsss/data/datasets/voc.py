"""Pascal VOC 2012: photographs labelled by the objects of their annotation files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wsss.checks import check_choice
from wsss.data.datasets.voc_annotations import CLASSES, DIFFICULT, read_labels
from wsss.data.files.codes import ClassCodes
from wsss.data.files.lists import read_ids
from wsss.data.files.palette import voc_colours
from wsss.data.files.raster import read_index_mask
from wsss.data.holdout import hold_out
from wsss.data.pictures import PictureDataset, picture_info
from wsss.data.quarantine import Quarantine
from wsss.data.settings import DatasetSettings
from wsss.data.types import IGNORE_INDEX, Count, ImageRecord, Mask, Split
from wsss.errors import UserError

LIST_SIZES = {"train": 1464, "train_aug": 10582, "trainval": 2913, "val": 1449}
"""Number of images in the usual lists; train_aug adds the images of SBD that are not in val."""

_LISTS = "ImageSets/Segmentation"
_CODES = ClassCodes(
    {index: index for index in range(len(CLASSES))},
    ignored=(IGNORE_INDEX,),
    valid=f"0..{len(CLASSES) - 1}, {IGNORE_INDEX}",
)


@dataclass(frozen=True)
class VocConfig(DatasetSettings):
    """A VOC 2012 tree; `root` is the folder that holds JPEGImages, VOC2012 or VOCdevkit.

    A list is the name of one in ImageSets/Segmentation or the path of a file of image ids.
    """

    train_list: str
    """List of the images for ``train``."""
    val_list: str | None
    """List of the images for ``val``, removed from ``train``; ``None`` holds out `val_images`."""
    test_list: str
    """List of the images for ``test``."""
    val_images: int
    """Number of images of `train_list` held out for ``val`` if `val_list` is ``None``."""
    difficult: str
    """Whether objects marked as difficult give labels, one of `DIFFICULT`.

    With ``exclude`` they give labels only in images without other objects.
    """
    masks: str
    """Folder of masks ``<id>.png`` next to JPEGImages; it need not have a mask for every image."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("dataset.difficult", self.difficult, DIFFICULT)


_SUFFIXES = (".jpg", ".JPG", ".jpeg", ".JPEG")


class VocDataset(PictureDataset):
    """VOC 2012 with the background and 20 object classes.

    Raises:
        UserError: names a folder or list that is missing, an image without a file, an annotation
            file that is missing, broken or has no known object, or an image in two splits.
    """

    config_class = VocConfig

    def __init__(self, config: VocConfig) -> None:
        self._home = _find_home(Path(config.root))
        self._masks = self._home / config.masks
        self._lists: dict[str, list[str]] = {}
        splits = self._read_splits(config)
        quarantine = Quarantine(config.on_error)
        records: dict[Split, list[ImageRecord]] = {}
        for split, ids in splits.items():
            records[split] = []
            for image_id in ids:
                with quarantine.guard(image_id):
                    records[split].append(self._record(image_id, config.difficult))
        info = picture_info(
            config.name,
            CLASSES,
            voc_colours(len(CLASSES)),
            background=0,
            multi_label=True,
            protocol=(
                f"train_list={config.train_list}, "
                f"val={config.val_list or f'{config.val_images} held out'}, "
                f"test_list={config.test_list}, difficult={config.difficult}, masks={config.masks}"
            ),
        )
        super().__init__(info, records, quarantine.reasons, config)

    def counts(self) -> dict[str, Count]:
        """Number of images in each list in use; see `Dataset.counts`."""
        return {
            name: Count(len(ids), LIST_SIZES.get(Path(name).stem))
            for name, ids in self._lists.items()
        }

    def open_masks(self) -> Callable[[str], Mask]:
        """See `Dataset.open_masks`."""
        if not self._masks.is_dir():
            raise UserError(f"{self._masks}: no such folder of masks")
        return super().open_masks()

    def _read_splits(self, config: VocConfig) -> dict[Split, list[str]]:
        train = self._read_list("dataset.train_list", config.train_list)
        test = self._read_list("dataset.test_list", config.test_list)
        if config.val_list is None:
            train, val = hold_out(train, config.val_images, "dataset.val_images")
        else:
            val = self._read_list("dataset.val_list", config.val_list)
            held_out = set(val)
            train = [image_id for image_id in train if image_id not in held_out]
        seen = {*train, *val}
        for image_id in test:
            if image_id in seen:
                raise UserError(
                    f"image '{image_id}' of dataset.test_list={config.test_list} is also in the "
                    "list for training or validation"
                )
        return {"train": train, "val": val, "test": test}

    def _read_list(self, key: str, name: str) -> list[str]:
        folder = self._home / _LISTS
        path = folder / f"{name}.txt"
        if not path.is_file():
            path = Path(name)
        if not path.is_file():
            found = ", ".join(sorted(p.stem for p in folder.glob("*.txt"))) or "none"
            hint = ""
            if name == "train_aug":
                hint = "; the devkit lacks train_aug: give the path of a file with its ids"
            raise UserError(
                f"{key} is '{name}', neither a list in {folder} ({found}) nor a file{hint}"
            )
        self._lists[name] = read_ids(path)
        return self._lists[name]

    def _record(self, image_id: str, difficult: str) -> ImageRecord:
        every = [self._home / "JPEGImages" / f"{image_id}{suffix}" for suffix in _SUFFIXES]
        picture = next((path for path in every if path.is_file()), None)
        if picture is None:
            raise UserError(f"{every[0]}: no such file, but a list names '{image_id}'")
        labels = read_labels(self._home / "Annotations" / f"{image_id}.xml", difficult)
        return ImageRecord(image_id, (picture,), labels)

    def _mask_path(self, image_id: str) -> Path:
        return self._masks / f"{image_id}.png"

    def _decode_mask(self, path: Path) -> Mask:
        return _CODES.decode(read_index_mask(path), path)


def _find_home(root: Path) -> Path:
    """The folder that holds JPEGImages: `root` itself, or one or two levels below."""
    for home in (root, root / "VOC2012", root / "VOCdevkit" / "VOC2012"):
        if (home / "JPEGImages").is_dir():
            return home
    raise UserError(f"{root}: no folder JPEGImages in it, VOC2012 or VOCdevkit/VOC2012")

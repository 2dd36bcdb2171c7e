"""COCO: photographs labelled by the categories of their instance annotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wsss.checks import check_choice
from wsss.data.datasets.coco_annotations import AnnotatedImage, read_annotations
from wsss.data.datasets.coco_categories import CLASSES
from wsss.data.datasets.coco_masks import paint
from wsss.data.files.palette import voc_colours
from wsss.data.holdout import hold_out
from wsss.data.pictures import Pictures, picture_info
from wsss.data.quarantine import Quarantine
from wsss.data.settings import DatasetSettings
from wsss.data.types import Count, ImageRecord, Mask, Split
from wsss.errors import UserError

SIZES = {"train2014": 82783, "val2014": 40504, "train2017": 118287, "val2017": 5000}
"""Number of images in each folder; the two years split them differently."""
YEARS = ("2014", "2017")
CROWD = ("class", "ignore")
UNLABELLED = ("keep", "drop")


@dataclass(frozen=True)
class CocoConfig(DatasetSettings):
    """A COCO tree; `root` is the folder that holds annotations, train<year> and val<year>."""

    year: int
    """Year of the release, 2014 or 2017."""
    val_images: int
    """Number of images of train<year> held out for ``val``; ``test`` is val<year>."""
    crowd: str
    """How regions marked as a crowd of objects are treated, one of `CROWD`.

    With ``class`` they label the image and are pixels of their class; with ``ignore`` they give no
    label and their pixels are ignored.
    """
    unlabelled: str
    """Whether images without labels are kept as background or dropped, one of `UNLABELLED`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("dataset.year", str(self.year), YEARS)
        check_choice("dataset.crowd", self.crowd, CROWD)
        check_choice("dataset.unlabelled", self.unlabelled, UNLABELLED)


class CocoDataset(Pictures):
    """COCO with the background and 80 classes; category ids are mapped to 1..80.

    Image ids are the stems of file names. Image labels are the categories of an image's
    annotations; polygons and run lengths are discarded while the file is parsed. `open_masks`
    reads the annotation files again and paints masks by the rule of `coco_masks.paint`.

    Raises:
        UserError: names a folder, annotation file or image file that is missing, or an error found
            by `read_annotations`.
    """

    config_class = CocoConfig

    def __init__(self, config: CocoConfig) -> None:
        self._config = config
        self._root = Path(config.root)
        self._train, self._test = f"train{config.year}", f"val{config.year}"
        self._found: dict[str, int] = {}
        self._annotated: dict[str, AnnotatedImage] | None = None
        quarantine = Quarantine(config.on_error)
        train, test = self._list(self._train, quarantine), self._list(self._test, quarantine)
        kept, held_out = hold_out(list(train), config.val_images, "dataset.val_images")
        records: dict[Split, list[ImageRecord]] = {
            "train": [train[image_id] for image_id in kept],
            "val": [train[image_id] for image_id in held_out],
            "test": list(test.values()),
        }
        info = picture_info(
            config.name,
            CLASSES,
            voc_colours(len(CLASSES)),
            background=0,
            multi_label=True,
            protocol=(
                f"year={config.year}, val_images={config.val_images}, crowd={config.crowd}, "
                f"unlabelled={config.unlabelled}"
            ),
        )
        super().__init__(info, records, quarantine.reasons, config)

    def counts(self) -> dict[str, Count]:
        """Number of images in each annotation file; see `Dataset.counts`."""
        return {folder: Count(found, SIZES[folder]) for folder, found in self._found.items()}

    def mask_files(self, image_id: str) -> tuple[Path, ...]:
        """The annotation file: an image without annotations is background."""
        return (self._annotation_file(self.record(image_id).files[0].parent.name),)

    def open_masks(self) -> Callable[[str], Mask]:
        """See `Dataset.open_masks`."""
        if self._annotated is None:
            self._annotated = {
                image_id: image
                for folder in (self._train, self._test)
                for image_id, image in self._read(folder, segmentations=True).items()
            }
        return self._read_mask

    def _read(self, folder: str, *, segmentations: bool) -> dict[str, AnnotatedImage]:
        return read_annotations(self._annotation_file(folder), segmentations=segmentations)

    def _annotation_file(self, folder: str) -> Path:
        return self._root / "annotations" / f"instances_{folder}.json"

    def _list(self, folder: str, quarantine: Quarantine) -> dict[str, ImageRecord]:
        directory = self._root / folder
        if not directory.is_dir():
            raise UserError(f"{directory}: no such folder of images")
        present = {path.name for path in directory.iterdir()}
        images = self._read(folder, segmentations=False)
        self._found[folder] = len(images)
        records: dict[str, ImageRecord] = {}
        for image_id, image in images.items():
            labels = {
                annotation.class_index
                for annotation in image.annotations
                if self._config.crowd == "class" or not annotation.crowd
            }
            if not labels and self._config.unlabelled == "drop":
                continue
            with quarantine.guard(image_id):
                path = directory / image.file_name
                if image.file_name not in present:
                    raise UserError(f"{path}: no such file, but the annotation file lists it")
                records[image_id] = ImageRecord(image_id, (path,), tuple(sorted(labels)))
        return records

    def _read_mask(self, image_id: str) -> Mask:
        assert self._annotated is not None
        image, picture = self._annotated[image_id], self.record(image_id).files[0]
        (source,) = self.mask_files(image_id)
        if self.size(image_id) != image.size:
            raise UserError(
                f"{picture}: size {self.size(image_id)}, but {source.name} states {image.size}"
            )
        try:
            return paint(image, ignore_crowds=self._config.crowd == "ignore")
        except UserError as error:
            raise UserError(f"{source}: image '{image_id}': {error}") from error

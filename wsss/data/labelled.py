"""Splits of datasets whose image labels were derived from masks and written to a file."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsss.data.files.labels import read_labels
from wsss.data.files.palette import Colour
from wsss.data.holdout import hold_out
from wsss.data.pictures import picture_info
from wsss.data.quarantine import Quarantine
from wsss.data.settings import DatasetSettings
from wsss.data.types import DatasetInfo, ImageRecord, Split
from wsss.errors import UserError


@dataclass(frozen=True)
class LabelledSettings(DatasetSettings, ABC):
    """Settings of a dataset whose labels file was derived from masks."""

    labels_file: str
    """File of image labels, relative to `root` or absolute; images without a row are not used."""
    val_images: int
    """Number of training images that are held out for the split ``val``."""


def labelled_info(
    config: LabelledSettings, classes: Sequence[str], palette: Sequence[Colour]
) -> DatasetInfo:
    """Describe such a dataset: RGB pictures, several labels per image, no background class.

    ``palette`` has an RGB colour in 0..255 for each of ``classes``.
    """
    return picture_info(
        config.name,
        classes,
        palette,
        background=None,
        multi_label=True,
        protocol=f"val_images={config.val_images}, labels_file={config.labels_file}",
    )


def labelled_splits(
    kind: str,
    config: LabelledSettings,
    classes: Sequence[str],
    *,
    training: Mapping[str, Path],
    testing: Mapping[str, Path],
    quarantine: Quarantine,
) -> dict[Split, list[ImageRecord]]:
    """Read the labels file and split the images that it labels.

    Args:
        kind: the dataset's key in `wsss.data.registry`, for messages.
        config: names the labels file.
        classes: class names, the columns of the file.
        training: image files by id, for ``train`` and, held out from it, ``val``.
        testing: image files by id, for ``test``.
        quarantine: collects rows without an image file.

    Returns:
        Records in the order of `training` and `testing`, regardless of the order of rows.

    Raises:
        UserError: if the labels file is missing or broken, names an image that has no file, labels
            no training image, or `val_images` is out of range.
    """
    labels_path = Path(config.root) / config.labels_file
    how = (
        f"make it with: python -m wsss.data.derive_labels {kind} {config.root} "
        f"--labels-file {config.labels_file}"
    )
    if not labels_path.is_file():
        raise UserError(f"{labels_path}: no such labels file; {how}")
    labels = read_labels(labels_path, classes, multi_label=True).labels
    for image_id in labels:
        with quarantine.guard(image_id):
            if image_id not in training and image_id not in testing:
                raise UserError(f"{labels_path}: names '{image_id}', but no folder has that image")
    ids = [image_id for image_id in training if image_id in labels]
    if not ids:
        raise UserError(f"{labels_path}: labels no training image; {how}")
    train, val = hold_out(ids, config.val_images, "dataset.val_images")
    return {
        "train": [ImageRecord(i, (training[i],), labels[i]) for i in train],
        "val": [ImageRecord(i, (training[i],), labels[i]) for i in val],
        "test": [ImageRecord(i, (path,), labels[i]) for i, path in testing.items() if i in labels],
    }

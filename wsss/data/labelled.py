"""Splits of datasets whose image labels stand in a file that was derived from masks once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsss.data.files.labels import read_labels
from wsss.data.holdout import hold_out
from wsss.data.quarantine import Quarantine
from wsss.data.settings import DatasetSettings
from wsss.data.types import ImageRecord, Mask, Split
from wsss.errors import UserError


@dataclass(frozen=True)
class LabelledSettings(DatasetSettings):
    """What the configurations of such datasets have in common."""

    labels_file: str
    """Image labels, relative to `root` or absolute; images without a row are not used."""
    val_images: int
    """How many training images are held out as `val`."""


def labelled_protocol(config: LabelledSettings) -> str:
    """See `DatasetInfo.protocol`."""
    return f"val_images={config.val_images}, labels_file={config.labels_file}"


def labelled_splits(
    kind: str,
    config: LabelledSettings,
    classes: Sequence[str],
    training: Mapping[str, Path],
    testing: Mapping[str, Path],
    quarantine: Quarantine,
) -> dict[Split, list[ImageRecord]]:
    """Read the labels file and share out the images that have a row in it.

    Args:
        kind: what `wsss.data.derive_labels` calls the dataset.
        config: names the labels file.
        classes: columns of the file.
        training: files of the images for `train` and, held out from it, `val`, by id.
        testing: files of the images for `test`, by id.
        quarantine: guards rows without an image.

    Returns:
        Records in the order of `training` and `testing`, whatever that of the rows.

    Raises:
        UserError: where the labels file is missing or broken, names an image that is in neither
            folder or none for training, or `val_images` is out of range.
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


def decode_each(
    files: Sequence[Mapping[str, Path]], decode: Callable[[Path], Mask], nothing: str
) -> Iterator[tuple[str, Mask]]:
    """Image id and mask of every file; `UserError` saying `nothing` where there is none."""
    if not any(files):
        raise UserError(nothing)
    for folder in files:
        for image_id, path in folder.items():
            yield image_id, decode(path)

"""Image labels derived from pixel masks, for datasets that are published without them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from wsss.data.files.labels import labels_from_mask, write_labels
from wsss.data.types import Mask
from wsss.errors import UserError
from wsss.progress import track

LABELS_FILE = "labels.csv"

MaskReader = Callable[[Path], Iterator[tuple[str, Mask]]]
"""Function from a dataset's root to the image id and class indices ``[H, W]`` of each mask."""


class MaskLabels(NamedTuple):
    """How the image labels of a dataset are derived from its masks."""

    classes: Callable[[Path], tuple[str, ...]]
    """Class names, in the order of class indices, of the dataset at a root."""
    sources: Mapping[str, MaskReader]
    """The kinds of masks that labels can be derived from, by name; the first is the default."""
    min_share: float
    """Share of all pixels, in (0, 1], that a class must cover to become a label by default."""


class LabelCounts(NamedTuple):
    """How many images got labels, and how many were left out."""

    labelled: int
    left_out: int


def write_mask_labels(
    root: Path,
    how: MaskLabels,
    *,
    labels_file: str = LABELS_FILE,
    min_share: float | None = None,
    source: str | None = None,
) -> LabelCounts:
    """Read every mask of a dataset and write the labels file, atomically.

    An image gets the label of each class that covers at least `min_share` of all its pixels. An
    image without any such class gets no row.

    Args:
        root: folder of the dataset.
        how: the dataset's rules.
        labels_file: the CSV file to write, relative to `root` or absolute; its folder is created.
        min_share: in (0, 1]; ``None`` for the dataset's default.
        source: a key of ``how.sources``; ``None`` for the first.

    Raises:
        UserError: if an argument is invalid, there are no masks, no image gets a label or the file
            cannot be written; names a mask that cannot be read.
    """
    source = next(iter(how.sources)) if source is None else source
    if source not in how.sources:
        raise UserError(f"source={source}: valid: {', '.join(how.sources)}")
    share = how.min_share if min_share is None else min_share
    if not 0 < share <= 1:
        raise UserError(f"min_share={share}: must be above 0 and at most 1")
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    path = root / labels_file
    _check_writable(path.parent)
    classes = how.classes(root)
    labels: dict[str, tuple[int, ...]] = {}
    left_out = 0
    for image_id, mask in track(how.sources[source](root), "labels from masks"):
        found = labels_from_mask(mask, len(classes), share)
        if found:
            labels[image_id] = found
        else:
            left_out += 1
    if not labels:
        raise UserError(f"{root}: no class covers a share of {share} of any of {left_out} images")
    write_labels(path, classes, labels)
    return LabelCounts(len(labels), left_out)


def read_each(
    folders: Sequence[Mapping[str, Path]], read: Callable[[Path], Mask], if_none: str
) -> Iterator[tuple[str, Mask]]:
    """Image id and mask of every file.

    Args:
        folders: mask files of each folder, by image id.
        read: gives the class indices ``[H, W]`` of a file.
        if_none: message of the `UserError` that is raised if there is no file.
    """
    if not any(folders):
        raise UserError(if_none)
    for files in folders:
        for image_id, path in files.items():
            yield image_id, read(path)


def _check_writable(folder: Path) -> None:
    """Fail before minutes of reading rather than after."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise UserError(f"{folder}: cannot be written to; name another file with --labels-file")

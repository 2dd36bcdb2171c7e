"""Image labels derived from pixel masks once, for datasets that come without.

Run it with ``python -m wsss.data.derive_labels KIND ROOT``. It prepares a dataset, as no other
part of the library may look at a mask for the sake of training.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from wsss.arguments import CommandParser
from wsss.data.files.labels import labels_from_mask, write_labels
from wsss.errors import UserError
from wsss.progress import track

LABELS_FILE = "labels.csv"
#: Module of each kind; it offers ``labelled_masks(root)``, ``classes(root)`` and ``MIN_SHARE``.
_MODULES = {
    "dfc": "wsss.data.datasets.dfc_land_cover",
    "ade20k": "wsss.data.datasets.ade20k",
    "cityscapes": "wsss.data.datasets.cityscapes",
}
KINDS = tuple(_MODULES)


class LabelCounts(NamedTuple):
    """How many images `derive_labels` gave labels, and how many it left out."""

    labelled: int
    left_out: int


def derive_labels(
    kind: str,
    root: Path,
    labels_file: str = LABELS_FILE,
    min_share: float | None = None,
    source: str | None = None,
) -> LabelCounts:
    """Read every mask of a dataset and write the labels file, atomically.

    An image carries each class that covers at least `min_share` of all its pixels; an image that
    no class covers so far gets no row.

    Args:
        kind: one of `KINDS`.
        root: the dataset's folder as its providers ship it.
        labels_file: the CSV file, relative to `root` or absolute; its folder is made.
        min_share: in (0, 1]; ``None`` for the dataset's own.
        source: for dfc alone, ``lc`` takes the coarse maps in place of the masks.

    Raises:
        UserError: for another kind, where no mask is found, no image gets a label or the file
            cannot be written, or naming a mask that cannot be read.
    """
    if kind not in _MODULES:
        raise UserError(
            f"'{kind}': labels are derived for {', '.join(KINDS)} alone; those of other datasets "
            "come with them"
        )
    if source is not None and kind != "dfc":
        raise UserError(f"source={source}: for dfc alone, {kind} has one kind of masks")
    dataset = import_module(_MODULES[kind])
    share: float = dataset.MIN_SHARE if min_share is None else min_share
    if not 0 < share <= 1:
        raise UserError(f"min_share={share}: must be above 0 and at most 1")
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    path = root / labels_file
    _check_writable(path.parent)
    classes: tuple[str, ...] = dataset.classes(root)
    masks = dataset.labelled_masks(root, *([] if source is None else [source]))
    labels: dict[str, tuple[int, ...]] = {}
    left_out = 0
    for image_id, mask in track(masks, "labels from masks"):
        found = labels_from_mask(mask, len(classes), share)
        if found:
            labels[image_id] = found
        else:
            left_out += 1
    if not labels:
        raise UserError(f"{root}: no class covers a share of {share} of any of {left_out} images")
    write_labels(path, classes, labels)
    return LabelCounts(len(labels), left_out)


def _check_writable(folder: Path) -> None:
    """Fail before minutes of reading rather than after."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise UserError(f"{folder}: cannot be written to; name another file with --labels-file")


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status, 2 after bad input."""
    parser = CommandParser(
        prog="python -m wsss.data.derive_labels",
        description="Derive the image labels of a dataset from its pixel masks, once.",
    )
    parser.add_argument("kind", metavar="KIND", help=f"one of {', '.join(KINDS)}")
    parser.add_argument("root", type=Path, metavar="ROOT", help="the dataset's folder")
    parser.add_argument(
        "--labels-file",
        default=LABELS_FILE,
        help="what to write, relative to ROOT or absolute (default: %(default)s)",
    )
    parser.add_argument(
        "--min-share",
        type=float,
        help="share of the pixels that makes a class a label (default: the dataset's own)",
    )
    parser.add_argument(
        "--source", choices=("dfc", "lc"), help="dfc alone: its masks (default) or coarse maps"
    )
    try:
        given = parser.parse_args(arguments)
        counts = derive_labels(
            given.kind, given.root, given.labels_file, given.min_share, given.source
        )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"{given.root / given.labels_file}: {counts.labelled} images labelled, "
        f"{counts.left_out} left out, which no class covers enough of"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

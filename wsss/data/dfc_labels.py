"""Image labels of a DFC2020 tree, derived from its masks once, as dataset preparation.

Run it with ``python -m wsss.data.dfc_labels ROOT``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from wsss.data.dfc_tree import (
    CLASSES,
    FOLDERS,
    LABEL_MIN_SHARE,
    TREE,
    list_patches,
    patch_id,
    patch_path,
    read_classes,
)
from wsss.data.labels import labels_from_mask, write_labels
from wsss.errors import UserError
from wsss.progress import track

LABELS_FILE = "labels.csv"


class LabelCounts(NamedTuple):
    """How many patches `derive_labels` gave labels, and how many it left out."""

    labelled: int
    left_out: int


def derive_labels(
    root: Path, labels_file: str = LABELS_FILE, min_share: float = LABEL_MIN_SHARE
) -> LabelCounts:
    """Read every mask of the tree and write the labels file, atomically.

    A patch carries each class that covers at least `min_share` of all its pixels; a patch that no
    class covers so far gets no row, and so is not used.

    Args:
        root: folder that holds ``ROIs0000_test`` or ``ROIs0000_validation`` or both.
        labels_file: name of the CSV file, relative to `root`.
        min_share: in (0, 1].

    Raises:
        UserError: where no mask is found, or naming a mask that cannot be read.
    """
    if not 0 < min_share <= 1:
        raise UserError(f"min_share={min_share}: must be above 0 and at most 1")
    patches = [
        (folder, number)
        for folder in FOLDERS
        if (root / f"ROIs0000_{folder}").is_dir()
        for number in list_patches(root, folder, "dfc")
    ]
    if not patches:
        raise UserError(f"{root}: no mask found; expected {TREE}")
    labels: dict[str, tuple[int, ...]] = {}
    for folder, number in track(patches, "labels from masks"):
        mask = read_classes(patch_path(root, folder, "dfc", number))
        found = labels_from_mask(mask, len(CLASSES), min_share)
        if found:
            labels[patch_id(folder, number)] = found
    write_labels(root / labels_file, CLASSES, labels)
    return LabelCounts(len(labels), len(patches) - len(labels))


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status, 2 after bad input."""
    parser = argparse.ArgumentParser(prog="python -m wsss.data.dfc_labels", description=__doc__)
    parser.add_argument("root", type=Path, metavar="ROOT", help="folder of the DFC2020 tree")
    parser.add_argument("--labels-file", default=LABELS_FILE, help="(default: %(default)s)")
    parser.add_argument(
        "--min-share", type=float, default=LABEL_MIN_SHARE, help="(default: %(default)s)"
    )
    chosen = parser.parse_args(arguments)
    try:
        counts = derive_labels(chosen.root, chosen.labels_file, chosen.min_share)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"{chosen.root / chosen.labels_file}: {counts.labelled} patches labelled, "
        f"{counts.left_out} left out (no class covers {chosen.min_share:.0%})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Derive the image labels of a dataset from its pixel masks, once.

Usage: ``python -m wsss.data.derive_labels KIND ROOT``. This prepares a dataset; no other part of
the library may read a mask to get training labels.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wsss.arguments import CommandParser
from wsss.commands import run_command
from wsss.data.mask_labels import LABELS_FILE, LabelCounts, MaskLabels, write_mask_labels
from wsss.data.registry import DATASETS
from wsss.errors import UserError

KINDS: dict[str, MaskLabels] = {
    kind: dataset.mask_labels for kind, dataset in DATASETS.items() if dataset.mask_labels
}
"""The datasets whose labels are derived, and how."""


def derive_labels(
    kind: str,
    root: Path,
    *,
    labels_file: str = LABELS_FILE,
    min_share: float | None = None,
    source: str | None = None,
) -> LabelCounts:
    """Write the labels file of a dataset; for arguments and errors see `write_mask_labels`.

    Args:
        kind: a key of `KINDS`; any other raises `UserError`.
        root: folder of the dataset as its providers ship it.
        labels_file: the CSV file to write, relative to `root` or absolute.
        min_share: in (0, 1]; ``None`` for the dataset's default.
        source: which kind of masks to read; ``None`` for the dataset's default.
    """
    if kind not in KINDS:
        raise UserError(
            f"'{kind}': labels are derived for {', '.join(KINDS)} only; other datasets ship theirs"
        )
    return write_mask_labels(
        root, KINDS[kind], labels_file=labels_file, min_share=min_share, source=source
    )


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status, 2 for invalid input."""
    parser = CommandParser(
        prog="python -m wsss.data.derive_labels",
        description="Derive the image labels of a dataset from its pixel masks, once.",
    )
    parser.add_argument("kind", metavar="KIND", help=f"one of {', '.join(KINDS)}")
    parser.add_argument("root", type=Path, metavar="ROOT", help="folder of the dataset")
    parser.add_argument(
        "--labels-file",
        default=LABELS_FILE,
        help="file to write, relative to ROOT or absolute (default: %(default)s)",
    )
    parser.add_argument(
        "--min-share",
        type=float,
        help="share of the pixels that makes a class a label (default: the dataset's)",
    )
    choices = [f"{kind}: {', '.join(how.sources)}" for kind, how in KINDS.items()]
    parser.add_argument(
        "--source", help=f"masks to read; the first is the default ({'; '.join(choices)})"
    )
    return run_command(lambda: _derive(parser.parse_args(arguments)))


def _derive(given: argparse.Namespace) -> int:
    counts = derive_labels(
        given.kind,
        given.root,
        labels_file=given.labels_file,
        min_share=given.min_share,
        source=given.source,
    )
    print(
        f"{given.root / given.labels_file}: {counts.labelled} images labelled, "
        f"{counts.left_out} left out because no class covers enough of them"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

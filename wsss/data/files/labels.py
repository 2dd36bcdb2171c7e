"""Image-level labels: the CSV file that stores them, and how they are derived from a mask."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from wsss.atomic import replacing
from wsss.data.image_ids import plain_id
from wsss.data.types import Mask, Split
from wsss.errors import UserError

ID_COLUMN = "image_id"
SPLIT_COLUMN = "split"


class LabelTable(NamedTuple):
    """Contents of a labels file, in the order of its rows."""

    labels: dict[str, tuple[int, ...]]
    """Class indices of each image id, ascending."""
    splits: dict[str, Split] | None
    """Split of each image id, ``None`` if the file has no column ``split``."""


def read_labels(
    path: Path, classes: Sequence[str], *, multi_label: bool, may_be_empty: bool = False
) -> LabelTable:
    """Read a CSV file ``image_id,<class>,<class>...`` of cells 0 and 1, optionally with ``split``.

    Class columns may be in any order; indices refer to `classes`.

    Raises:
        UserError: names the file and its line, column or image id if the file is missing or not
            such a table, columns and classes differ, a cell is not 0 or 1, an id is duplicate,
            an image has several labels although `multi_label` is false, or no label although
            `may_be_empty` is false.
    """
    rows = _read_rows(path)
    header = rows[0][1] if rows else []
    _check_header(path, header, classes)
    column_of = {name: column for column, name in enumerate(header)}
    labels: dict[str, tuple[int, ...]] = {}
    splits: dict[str, Split] = {}
    for line, cells in rows[1:]:
        where = f"{path}, line {line}"
        if len(cells) != len(header):
            raise UserError(f"{where}: {len(cells)} cells, but the header has {len(header)}")
        image_id = plain_id(cells[column_of[ID_COLUMN]])
        if not image_id:
            raise UserError(f"{where}: empty {ID_COLUMN}")
        if image_id in labels:
            raise UserError(f"{where}: duplicate image id '{image_id}'")
        for name in classes:
            if cells[column_of[name]] not in ("0", "1"):
                cell = cells[column_of[name]]
                raise UserError(f"{where}: '{cell}' in column '{name}', valid: 0, 1")
        found = tuple(i for i, name in enumerate(classes) if cells[column_of[name]] == "1")
        if not found and not may_be_empty:
            raise UserError(f"{where}: image '{image_id}' has no label; add one or remove the row")
        if len(found) > 1 and not multi_label:
            names = ", ".join(classes[i] for i in found)
            raise UserError(
                f"{where}: image '{image_id}' has {len(found)} labels ({names}), but the dataset "
                "is single-label (multi_label=false)"
            )
        labels[image_id] = found
        if SPLIT_COLUMN in column_of:
            splits[image_id] = _as_split(cells[column_of[SPLIT_COLUMN]], where)
    if not labels:
        raise UserError(f"{path}: no image in the labels file")
    return LabelTable(labels, splits if SPLIT_COLUMN in column_of else None)


def write_labels(
    path: Path,
    classes: Sequence[str],
    labels: Mapping[str, Sequence[int]],
    splits: Mapping[str, Split] | None = None,
) -> None:
    """Write the file that `read_labels` reads, atomically and in the order of `labels`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([ID_COLUMN, *classes, *([SPLIT_COLUMN] if splits is not None else [])])
    for image_id, found in labels.items():
        cells = [int(index in found) for index in range(len(classes))]
        writer.writerow([image_id, *cells, *([splits[image_id]] if splits is not None else [])])
    with replacing(path) as partial:
        partial.write_bytes(buffer.getvalue().encode())


def labels_from_mask(mask: Mask, num_classes: int, min_share: float) -> tuple[int, ...]:
    """Classes that cover at least `min_share` (0..1) of all pixels, including ignored ones.

    For dataset preparation only: training may not read masks.
    """
    counts = np.bincount(mask.ravel(), minlength=num_classes)[:num_classes]
    covering = (counts > 0) & (counts / mask.size >= min_share)
    return tuple(int(index) for index in np.flatnonzero(covering))


def _read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and stripped cells of each row that is not blank."""
    if not path.is_file():
        raise UserError(f"{path}: no such labels file")
    try:
        text = path.read_text("utf-8-sig")  # spreadsheets write a byte order mark
        reader = csv.reader(io.StringIO(text), strict=True)
        return [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV file in UTF-8 ({error})") from error


def _check_header(path: Path, header: Sequence[str], classes: Sequence[str]) -> None:
    reserved = {ID_COLUMN, SPLIT_COLUMN}
    if ID_COLUMN not in header:
        raise UserError(f"{path}: no column '{ID_COLUMN}' in the first line")
    for name in header:
        if header.count(name) > 1:
            raise UserError(f"{path}: duplicate column '{name}'")
        if name not in classes and name not in reserved:
            raise UserError(
                f"{path}: column '{name}' is not in the class list; classes: {', '.join(classes)}"
            )
    for name in classes:
        if name in reserved:
            raise UserError(f"class name '{name}' is reserved in labels files; rename the class")
        if name not in header:
            raise UserError(f"{path}: class '{name}' has no column")


def _as_split(cell: str, where: str) -> Split:
    for split in get_args(Split):
        if cell == split:
            return split  # type: ignore[no-any-return]
    raise UserError(f"{where}: split '{cell}', valid: {', '.join(get_args(Split))}")

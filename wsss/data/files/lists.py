"""Text files of one entry a line: class names, ids of a split."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from wsss.data.types import IGNORE_INDEX
from wsss.errors import UserError


def read_lines(path: Path, what: str) -> list[str]:
    """Lines that are not blank, stripped; `what` names the file where it is missing."""
    if not path.is_file():
        raise UserError(f"{path}: no such {what}")
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text in UTF-8 ({error})") from error
    return [line.strip() for line in lines if line.strip()]


def read_class_list(path: Path) -> tuple[str, ...]:
    """Read class names, one a line; `UserError` where there are none, one twice or over 254."""
    classes = read_lines(path, "class list")
    if not 0 < len(classes) < IGNORE_INDEX:
        raise UserError(f"{path}: {len(classes)} classes, valid: 1 to {IGNORE_INDEX - 1}")
    for name in classes:
        if classes.count(name) > 1:
            raise UserError(f"{path}: class '{name}' stands twice")
    return tuple(classes)


def read_ids(path: Path) -> list[str]:
    """Ids of a list: of each line the first word, without folders and file name ending.

    So a plain VOC list reads like one of pairs ``/JPEGImages/<id>.jpg /Masks/<id>.png``.

    Raises:
        UserError: where the list is missing or empty or names an id twice.
    """
    ids = [PurePosixPath(line.split()[0]).stem for line in read_lines(path, "list of ids")]
    if not ids:
        raise UserError(f"{path}: names no image")
    if len(set(ids)) < len(ids):
        twice = next(image_id for image_id, times in Counter(ids).items() if times > 1)
        raise UserError(f"{path}: image id '{twice}' stands twice")
    return ids

"""Text files with one entry per line: class names, image ids of a split."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from wsss.data.types import IGNORE_INDEX
from wsss.errors import UserError


def read_lines(path: Path, what: str) -> list[str]:
    """Stripped lines that are not blank; `what` describes the file in messages."""
    if not path.is_file():
        raise UserError(f"{path}: no such {what}")
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not text in UTF-8 ({error})") from error
    return [line.strip() for line in lines if line.strip()]


def read_class_list(path: Path) -> tuple[str, ...]:
    """Read class names; `UserError` if there are none, more than 254 or duplicates."""
    classes = read_lines(path, "class list")
    if not 0 < len(classes) < IGNORE_INDEX:
        raise UserError(f"{path}: {len(classes)} classes, valid: 1 to {IGNORE_INDEX - 1}")
    for name in classes:
        if classes.count(name) > 1:
            raise UserError(f"{path}: duplicate class '{name}'")
    return tuple(classes)


def read_ids(path: Path) -> list[str]:
    """Read image ids: the first word of each line, without folder and suffix.

    This covers plain lists of VOC and lists of pairs ``/JPEGImages/<id>.jpg /Masks/<id>.png``.

    Raises:
        UserError: if the list is missing, empty or has a duplicate id.
    """
    ids = [PurePosixPath(line.split()[0]).stem for line in read_lines(path, "list of ids")]
    if not ids:
        raise UserError(f"{path}: names no image")
    if len(set(ids)) < len(ids):
        duplicate = next(image_id for image_id, count in Counter(ids).items() if count > 1)
        raise UserError(f"{path}: duplicate image id '{duplicate}'")
    return ids

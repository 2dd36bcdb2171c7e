"""Records of runs, read as files that a stranger may have written.

A record is a regular file of limited size. As JSON it has limited depth, numbers of at most 64 bits
and text that can be stored and printed. Anything else is a `UserError` that names the file, and
reading never waits.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from wsss.errors import UserError
from wsss.terminal import visible

MOST_BYTES = 64 * 2**20
_DEEPEST = 50
_LARGEST = 2**63
P = TypeVar("P")
T = TypeVar("T")


def open_record(path: Path, most: int = MOST_BYTES) -> BinaryIO:
    """Open a regular file of at most ``most`` bytes for reading.

    A path that ends in a link is refused: the link may lead anywhere.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no such file.
        UserError: it cannot be read, is no regular file, or too large.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
    try:
        number = os.open(path, flags)  # does not wait for the other end of a pipe
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UserError(f"{path} is a link; records are read only as regular files") from error
        raise UserError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:  # a null character
        raise UserError(f"{path!r} is no name of a file") from error
    found = os.fstat(number)
    if stat.S_ISREG(found.st_mode) and found.st_size <= most:
        return os.fdopen(number, "rb")
    os.close(number)
    if stat.S_ISREG(found.st_mode):
        raise UserError(f"{path} has {found.st_size} bytes; a record has at most {most}")
    raise UserError(f"{path} is not a regular file")


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises as `open_record`, and `UserError` for other content."""
    with open_record(path) as file:
        text = file.read(MOST_BYTES)
    try:
        return parse_json(text)
    except ValueError as error:
        raise UserError(f"{path} cannot be read ({error})") from error


def read_object(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object; raises as `read_json`."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError(f"{path} holds {_kind(content)}, not a JSON object")
    return content


def parse_json(text: bytes) -> Any:
    """JSON with the limits of a record; ValueError says what is wrong."""
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    _check(content)
    return content


def entry(record: Mapping[str, Any], key: str, kind: type[T], path: Path) -> T:
    """The value of a key, of one type; `UserError` names the record ``path`` otherwise."""
    value = record.get(key)
    if isinstance(value, kind) and isinstance(value, bool) == (kind is bool):
        return value
    there = f"is {_kind(value)}" if key in record else "is missing"
    raise UserError(f"{path}: '{key}' {there}, it must be {_NAMES[kind]}")


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path lies in a folder, or is it, after all links are followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle, a null character
        return False


def read_each(places: Sequence[P], read: Callable[[P], T]) -> dict[P, T]:
    """What ``read`` returns, by place.

    A place for which it raises `UserError` is left out, with a line on standard error. If it is the
    only place, the error is raised.
    """
    found = {}
    for place in places:
        try:
            found[place] = read(place)
        except UserError as error:
            if len(places) == 1:
                raise
            print(f"left out: {visible(str(error))}", file=sys.stderr)
    return found


_NAMES: dict[type, str] = {
    dict: "a JSON object",
    list: "a list",
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def _kind(value: Any) -> str:
    return _NAMES[type(value)]


def _check(content: Any) -> None:
    """ValueError for content beyond the limits; a loop, so that depth cannot end it."""
    left = [(content, 1)]
    while left:
        value, depth = left.pop()
        if depth > _DEEPEST:
            raise ValueError("it is nested too deep")
        if isinstance(value, dict):
            left += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            left += [(part, depth + 1) for part in value]
        elif isinstance(value, str):
            if not value.isascii():
                value.encode()  # half a surrogate pair is a UnicodeEncodeError, a ValueError
        elif isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            raise ValueError("it has a number of more than 64 bits")

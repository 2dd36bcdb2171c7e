"""Checks of config values, with uniform messages."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

LARGEST = 1e38
"""The largest number of a config: networks compute with 32 bits, up to 3.4e38."""
_LARGEST_WHOLE = 2**63 - 1
_PLAIN_NAME = re.compile(r"\w[\w.-]*")
_LONGEST_NAME = 100  # bytes; files add to it


def check_choice(key: str, value: str, valid: Sequence[str]) -> None:
    """ValueError unless the value is one of the valid words."""
    if value not in valid:
        raise ValueError(f"{key} is '{value}'; valid: {', '.join(valid)}")


def check_least(key: str, value: float | None, least: float) -> None:
    """ValueError for a number below ``least``; ``None`` passes."""
    if value is not None and not value >= least:
        raise ValueError(f"{key} is {value}, it must be at least {least}")


def check_between(key: str, value: float | None, least: float, most: float) -> None:
    """ValueError for a number below ``least`` or above ``most``; ``None`` passes."""
    if value is not None and not least <= value <= most:
        raise ValueError(f"{key} is {value}, it must lie in {least:g}..{most:g}")


def check_share(key: str, value: float, *, below_one: bool = False) -> None:
    """ValueError for a number outside [0, 1], or outside [0, 1) if ``below_one``."""
    if not 0 <= value <= 1 or (below_one and value == 1):
        raise ValueError(f"{key} is {value}, it must lie in [0, 1{')' if below_one else ']'}")


def check_positive(key: str, value: float | None) -> None:
    """ValueError for a number that is not above 0; ``None`` passes."""
    if value is not None and not value > 0:
        raise ValueError(f"{key} is {value}, it must be above 0")


def check_numbers(key: str, value: object) -> None:
    """ValueError for a number that is not finite or too large, also within lists.

    Everything else passes.
    """
    if isinstance(value, list):
        for part in value:
            check_numbers(key, part)
    if isinstance(value, float) and not (math.isfinite(value) and abs(value) <= LARGEST):
        raise ValueError(f"{key} is {value}, it must be a number of at most {LARGEST:g}")
    if isinstance(value, int) and abs(value) > _LARGEST_WHOLE:
        raise ValueError(f"{key} is too large, it must be a number of at most 64 bits")


def check_folder(key: str, value: str) -> None:
    """ValueError for an empty path, or one that libraries in C and Rust cannot open."""
    if not value:
        raise ValueError(f"{key} is empty, it must name a folder")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{key} is '{value}', its name is not UTF-8; rename the folder") from error


def check_plain_name(key: str, value: str) -> None:
    """ValueError for a name that cannot name a folder on every system.

    Letters of any script, digits, ``_``, ``-`` and ``.`` are valid, at most 100 bytes in all; the
    name starts with a letter, a digit or ``_``.
    """
    if not _PLAIN_NAME.fullmatch(value) or len(value.encode()) > _LONGEST_NAME:
        raise ValueError(
            f"{key} is '{value}', it names folders: use letters, digits, _, - and ., at most "
            f"{_LONGEST_NAME} of them, not . or - first"
        )

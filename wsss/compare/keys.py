"""Keys and values of settings as users write and read them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from wsss.errors import UserError
from wsss.suggest import suggestion

ABSENT = "-"
_SELECTORS = ("name", "kind")  # keys that select the option of a group


def show(settings: Mapping[str, Any], key: str) -> str:
    """The value of a setting as text; `ABSENT` if it is missing."""
    return _text(settings[key]) if key in settings else ABSENT


def order(settings: Mapping[str, Any], key: str) -> tuple[int, float, str]:
    """Sort key of a value: absent ones first, then numbers, then the rest as text."""
    if key not in settings:
        return 0, 0.0, ""
    value = settings[key]
    if is_number(value):
        return 1, float(value), ""
    return 2, 0.0, _text(value)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and math.isfinite(value)


def selectors(key: str) -> list[str]:
    """The keys that may select the option of a key's group, such as ``masking.name``."""
    group = key.partition(".")[0]
    return [f"{group}.{selector}" for selector in _SELECTORS]


def find_key(word: str, keys: Sequence[str], differing: Sequence[str]) -> str:
    """The key that a word stands for: a full key, its group (``masking``) or end (``dp_rate``).

    Args:
        word: as the user wrote it.
        keys: all keys.
        differing: the keys that differ between configurations; they take precedence.

    Raises:
        UserError: the word matches no key, or several.
    """
    for key in (word, *(f"{word}.{selector}" for selector in _SELECTORS)):
        if key in keys:
            return key
    ends = [key for key in keys if key.endswith(f".{word}")]
    likely = [key for key in ends if key in differing] or ends
    if len(likely) == 1:
        return likely[0]
    if likely:
        raise UserError(f"key '{word}' may be {' or '.join(likely)}; write it in full")
    raise UserError(f"unknown key '{word}'{suggestion(word, list(differing) or list(keys))}")


def parse_setting(text: str) -> tuple[str, str]:
    """``key=value`` as key and value, the value as `show` writes it.

    Raises:
        UserError: the text has no ``=``.
    """
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UserError(f"'{text}' is not a setting; write KEY=VALUE, such as masking=none")
    try:
        return key, _text(json.loads(value))
    except ValueError:
        return key, value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and float(short := f"{value:g}") == value:
        return short
    return json.dumps(value)

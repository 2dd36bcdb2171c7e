"""Names and settings of runs as plain text in CSV and Markdown."""

from __future__ import annotations

import re

from wsss.compare.keys import ABSENT
from wsss.terminal import visible

_FORMULA = ("=", "+", "-", "@")
_MARKUP = re.compile(r"[\\`|\[\]]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def csv_cell(text: str) -> str:
    """The text, with ``'`` before what a spreadsheet would compute; numbers stay numbers."""
    text = visible(text)
    if not text.startswith(_FORMULA) or text == ABSENT or _is_number(text):
        return text
    return f"'{text}"


def markdown_cell(text: str) -> str:
    """The text, shown as it is: no links, images, HTML, code or end of a table's cell."""
    return _MARKUP.sub(r"\\\g<0>", visible(text).translate(_ENTITIES))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

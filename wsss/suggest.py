"""Suggestions for misspelt words."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def suggestion(word: str, valid: Sequence[str]) -> str:
    """The end of an error line: the closest valid word, and all of them."""
    close = difflib.get_close_matches(word, valid, n=1)
    hint = f", did you mean '{close[0]}'?" if close else ""
    return f"{hint}; valid: {', '.join(valid)}"

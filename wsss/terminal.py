"""Output on any terminal: names are printed as they are, and none can break the output."""

from __future__ import annotations

import sys
from typing import TextIO

from rich.console import Console


def plain_console(
    *, file: TextIO | None = None, stderr: bool = False, width: int | None = None
) -> Console:
    """A console that takes text literally.

    Brackets and colons in names of images, classes and folders are neither markup nor emoji;
    styles are given as arguments.
    """
    return Console(
        file=file, stderr=stderr, width=width, markup=False, emoji=False, highlight=False
    )


def accept_all_characters() -> None:
    """Let standard output and error show as ``\\x..`` what their encoding lacks.

    Otherwise a run that has finished fails on an ASCII terminal, or on a file name that is not
    UTF-8.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def visible(text: str) -> str:
    """The text on one line, with control characters as escapes such as ``\\x1b``.

    Names in files of others may hold sequences that a terminal obeys, or that reverse the text.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

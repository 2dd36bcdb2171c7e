"""The format of an image file, by its content; suffixes are not believed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Format = Literal["TIFF", "PNG", "PNG of 16 bits", "other"]
"""``PNG of 16 bits`` has colours or alpha of 16 bits, which Pillow would cut to 8."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG = b"\x89PNG\r\n\x1a\n"
_GREY = 0


def format_of(path: Path) -> Format:
    """The format of an existing file."""
    with path.open("rb") as file:
        head = file.read(26)
    if head.startswith(_TIFF):
        return "TIFF"
    if not head.startswith(_PNG):
        return "other"
    deep = head[24:25] == b"\x10" and head[25:26] != bytes([_GREY])  # after width and height
    return "PNG of 16 bits" if deep else "PNG"

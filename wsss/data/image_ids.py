"""Image ids: they name files of results, so that not every text can be one."""

from __future__ import annotations

import os
import unicodedata

from wsss.errors import UserError

_MOST_BYTES = 240
"""A file name has at most 255 bytes, and results add suffixes."""


def plain_id(image_id: str) -> str:
    """The id with accents composed (NFC): some systems store file names decomposed."""
    return unicodedata.normalize("NFC", image_id)


def check_id(dataset: str, image_id: str) -> None:
    """`UserError` for an id that cannot name a file of results."""
    size = len(os.fsencode(image_id)) if image_id.isprintable() else 0
    reason = None
    if not image_id or image_id in (".", ".."):
        reason = "is not a name"
    elif "/" in image_id or os.sep in image_id:
        reason = "holds a folder"
    elif not image_id.isprintable():
        reason = "holds characters that cannot be printed, or is not UTF-8"
    elif size > _MOST_BYTES:
        reason = f"has {size} bytes, at most {_MOST_BYTES} are possible in a file name"
    if reason is not None:
        raise UserError(f"dataset {dataset}: image id {image_id[:60]!r} {reason}; rename the image")

"""Convert the values in a mask file to class indices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from wsss.data.types import IGNORE_INDEX, Mask
from wsss.errors import UserError

_BAD = 254


class ClassCodes:
    """A table from mask values to classes.

    Args:
        classes: class index, below 254, of each value.
        ignored: values that become `IGNORE_INDEX`.
        valid: description of the valid values in messages, e.g. ``DFC2020 codes 0..10``.
    """

    def __init__(self, classes: Mapping[int, int], ignored: Iterable[int], valid: str) -> None:
        self._table = np.full(256, _BAD, np.uint8)
        self._table[list(classes)] = list(classes.values())
        self._table[list(ignored)] = IGNORE_INDEX
        self._valid = valid

    def decode(self, values: Mask, path: Path) -> Mask:
        """Class indices ``[H, W]``; `UserError` names the file and a value not in the table."""
        mask: Mask = self._table[values]
        if (mask == _BAD).any():
            raise UserError(f"{path}: value {values[mask == _BAD][0]}, valid: {self._valid}")
        return mask

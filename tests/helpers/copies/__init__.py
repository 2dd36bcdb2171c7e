"""Tiny copies of every dataset, with the real names, formats and conventions.

Each module writes one (``make``), names the overrides that it needs (``OVERRIDES``) and the ways to
break it (``FAULTS``: a function that does so, and the words that its one-line message must have).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

CONF = Path(__file__).resolve().parents[3] / "conf" / "dataset"
#: `synthetic` needs no copy, `msrc21` is a `folder` with other names.
NAMES = sorted({path.stem for path in CONF.glob("*.yaml")} - {"synthetic", "msrc21"})


class Copy(Protocol):
    """What each module of this package holds."""

    OVERRIDES: tuple[str, ...]
    FAULTS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]]

    def make(self, root: Path) -> None:
        """Write the tree."""


def copy_of(name: str) -> Copy:
    """The module that copies ``dataset=<name>``."""
    return cast(Copy, import_module(f"helpers.copies.{name}"))

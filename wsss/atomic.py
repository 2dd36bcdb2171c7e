"""Atomic file writing: a reader sees a whole file or none, even if the writer is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
"""Suffix of files that a killed writer leaves behind."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to; it replaces ``path`` if the block succeeds.

    Missing parent folders are created. If two processes write the same file, the last one wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)

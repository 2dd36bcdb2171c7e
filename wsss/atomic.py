"""Atomic file writing: a reader sees a whole file or none, even after a power loss."""

from __future__ import annotations

import os
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
"""Suffix of files that a killed writer leaves behind."""


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a path to write to; it replaces ``path`` if the block succeeds.

    Missing parent folders are created. If two processes write the same file, the last one wins.

    Args:
        path: the file to write.
        durable: whether the content reaches the disk before the file gets its name, and the name
            before this returns. Many small files are faster without; `sync_files` syncs them
            before anything says that they are complete.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not derived from the name, which may be as long as a file system allows.
    partial = path.with_name(f".{uuid.uuid4().hex}{PARTIAL}")
    try:
        yield partial
        if durable and not partial.is_symlink():
            sync(partial)
        os.replace(partial, path)
        if durable:
            sync(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_files(files: list[Path]) -> None:
    """Wait until files and the folders that hold them are on the disk."""
    # Files that are waited for together share the disk's commits.
    with ThreadPoolExecutor(16) as threads:
        deque(threads.map(sync, files), maxlen=0)
        deque(threads.map(sync, {path.parent for path in files}), maxlen=0)

"""Content digests of files, remembered as long as a file's state on disk stays the same."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from wsss.atomic import replacing
from wsss.progress import track

_FRESH_NS = 2 * 10**9
"""A file changed less than this ago could change again within the clock's resolution."""


class FileState(NamedTuple):
    """What the file system says about a file; a change of the content changes it too."""

    size: int
    mtime_ns: int
    ctime_ns: int
    """Time of the last change of content or metadata, which no program can set."""
    inode: int

    @classmethod
    def of(cls, path: str | Path) -> FileState:
        """The state of a file; OSError if it cannot be read."""
        stat = os.stat(path)  # noqa: PTH116 (a Path would cost more than the call)
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digests(files: Sequence[str | Path], memory: Path | None) -> list[str]:
    """SHA-256 of each file, in order; only files whose state has changed are read.

    Args:
        files: existing files.
        memory: folder that keeps digests, one file for each folder of ``files``; ``None`` keeps
            nothing. What is kept is deleted at will.

    Raises:
        OSError: a file is missing or cannot be read.
    """
    paths = list(map(str, files))  # strings: a Path costs more than the file's state
    by_folder: dict[str, dict[str, FileState]] = defaultdict(dict)
    for path in paths:
        by_folder[path.rpartition("/")[0]][path] = FileState.of(path)
    digests: dict[str, str] = {}
    for folder, states in by_folder.items():
        digests |= _of_folder(folder, states, memory)
    return [digests[path] for path in paths]


def _of_folder(folder: str, states: dict[str, FileState], memory: Path | None) -> dict[str, str]:
    store = None if memory is None else memory / f"{_key(folder)}.json"
    known = {} if store is None else _load(store)
    found = {
        path: digest
        for path, state in states.items()
        if (digest := known.get(_name(path), {}).get(_text(state))) is not None
    }
    missing = [path for path in states if path not in found]
    if not missing:
        return found
    with ThreadPoolExecutor() as threads:  # hashing and reading release the GIL
        digests = threads.map(file_digest, missing)
        found |= zip(missing, track(digests, "reading files", len(missing)), strict=True)
    if store is not None:
        now = time.time_ns()
        settled = {
            _name(path): {_text(states[path]): found[path]}
            for path in missing
            if states[path] == FileState.of(path)  # not written while it was read
            and now - max(states[path].mtime_ns, states[path].ctime_ns) > _FRESH_NS
        }
        if settled:
            with replacing(store) as partial:
                partial.write_text(json.dumps(_load(store) | settled), "utf-8")
    return found


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _key(folder: str) -> str:
    absolute = str(Path(folder).absolute()).encode("utf-8", "surrogateescape")
    return hashlib.sha256(absolute).hexdigest()[:16]


def _text(state: FileState) -> str:
    return " ".join(map(str, state))


def _load(store: Path) -> dict[str, dict[str, str]]:
    """What was remembered; nothing if the file is missing or was not written by this module."""
    try:
        content = json.loads(store.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: kept for name, kept in content.items() if isinstance(kept, dict)}

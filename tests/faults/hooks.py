"""Faults of a file system, made in this process by wrapping the calls that reach it."""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WRITING = set("wax+")


class Disk:
    """Wraps the calls of Python that open, sync and rename files below a folder.

    Args:
        folder: files outside of it are left alone.
        at: number of the call that fails, from 0.
        fault: called then, with the path.
        writes: whether calls that write count.
        reads: whether calls that read count.
    """

    def __init__(
        self,
        folder: Path,
        at: int,
        fault: Callable[[str], None],
        *,
        writes: bool = False,
        reads: bool = False,
        lasting: bool = False,
    ) -> None:
        self._folder, self._at, self._fault = str(folder), at, fault
        self._writes, self._reads, self._lasting = writes, reads, lasting
        self._calls = 0
        self.journal: list[tuple[str, str, str]] = []

    def install(self) -> None:
        """Wrap until the process ends."""
        opened, os_opened, replaced, synced = builtins.open, os.open, os.replace, os.fsync

        def open_(file: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
            self._count(file, bool(WRITING & set(mode)))
            return opened(file, mode, *rest, **more)

        def os_open(path: Any, flags: int, *rest: Any, **more: Any) -> int:
            self._count(path, bool(flags & (os.O_WRONLY | os.O_RDWR)))
            return os_opened(path, flags, *rest, **more)

        def replace(source: Any, target: Any, **more: Any) -> None:
            self._count(target, True)
            replaced(source, target, **more)
            self.journal.append(("replace", os.fspath(source), os.fspath(target)))

        def fsync(handle: int) -> None:
            path = str(Path(f"/proc/self/fd/{handle}").readlink())
            self._count(path, True)
            synced(handle)
            self.journal.append(("sync", path, ""))

        builtins.open = open_
        io.open = open_
        os.open, os.replace, os.fsync = os_open, replace, fsync  # type: ignore[assignment]

    def _count(self, path: Any, writes: bool) -> None:
        if not isinstance(path, str | os.PathLike) or not (self._writes if writes else self._reads):
            return
        name = os.fspath(path)
        if not isinstance(name, str) or not str(Path(name).absolute()).startswith(self._folder):
            return
        now, self._calls = self._calls, self._calls + 1
        if now == self._at or (self._lasting and now > self._at):
            self._fault(name)


def failing(number: int) -> Callable[[str], None]:
    """Raise the error of the operating system with this number."""

    def fail(path: str) -> None:
        raise OSError(number, os.strerror(number), path)

    return fail


def power_loss(outputs: Path, at: int, journal: Path) -> None:
    """Kill this process at a call that writes, and leave a journal of what was synced."""

    def die(path: str) -> None:
        with os.fdopen(os.open(journal, os.O_CREAT | os.O_WRONLY), "w") as file:
            json.dump(disk.journal, file)
        os.kill(os.getpid(), signal.SIGKILL)

    disk = Disk(outputs, at, die, writes=True)
    disk.install()


def lose(outputs: Path, before: set[str], journal: Path, keep: Callable[[], float]) -> None:
    """Take from a folder what would not have survived: unsynced contents and names.

    Args:
        outputs: the folder after the power loss.
        before: files that existed, and were on the disk, before the run.
        journal: what the run synced and renamed, in order.
        keep: draws the share of an unsynced file that reached the disk.
    """
    synced: set[str] = set()
    named: set[str] = set()
    for kind, first, second in json.loads(journal.read_text()):
        if kind == "replace":
            synced = (synced - {second}) | ({second} if first in synced else set())
            named.discard(second)
        else:
            synced.add(first)
            named |= {path for path in synced if str(Path(path).parent) == first}
    for path in sorted(outputs.rglob("*")):
        name = str(path)
        if path.is_symlink() or not path.is_file() or name in before:
            continue
        if name in synced and (name in named or keep() < 0.5):
            continue
        size, share = path.stat().st_size, keep()
        if name in synced or share < 0.2:
            path.unlink()
        elif share < 0.6:
            with path.open("r+b") as file:
                file.truncate(int(size * share))
        else:
            path.write_bytes(bytes(size))


def other_time(seconds: float) -> None:
    """Set the clock of this process forward or back."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1e9)


FULL, READ_ONLY = errno.ENOSPC, errno.EROFS
TRANSIENT = (errno.EIO, errno.EACCES, errno.ESTALE, errno.EMFILE)

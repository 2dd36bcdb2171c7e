"""Errors of disks, memory and processes as one line that says what to do."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping

_AGAIN = "run the same command again"
_REMEDIES: Mapping[int, str] = {
    errno.ENOSPC: f"free space and {_AGAIN}",
    errno.EDQUOT: f"free space and {_AGAIN}",
    errno.EFBIG: "the limit of file sizes is too low here (ulimit -f)",
    errno.EACCES: "change its permissions, or choose another place",
    errno.EPERM: "change its permissions, or choose another place",
    errno.EROFS: "choose a place that can be written to, such as paths.outputs=<folder>",
    errno.ENOTDIR: "a part of this path is a file, where a folder is needed",
    errno.EISDIR: "this is a folder, where a file is needed",
    errno.EEXIST: "something else has this name; move it, or choose another place",
    errno.ENOENT: f"check the path; if it was there before, {_AGAIN}",
    errno.ENAMETOOLONG: "use shorter names",
    errno.ELOOP: "links lead in a circle; name the folder itself",
    errno.EIO: f"check the disk and its connection, then {_AGAIN}",
    errno.ESTALE: f"check the disk and its connection, then {_AGAIN}",
    errno.ENXIO: "this is no file or folder; choose another place",
    errno.ENODEV: "this is no file or folder; choose another place",
    errno.EBUSY: f"another program uses it; when that has ended, {_AGAIN}",
    errno.ENOLCK: "this disk has no file locks; choose another place for paths.outputs",
    errno.EMFILE: "raise the limit of open files (ulimit -n), or use fewer workers",
    errno.ENFILE: "raise the limit of open files (ulimit -n), or use fewer workers",
    errno.EAGAIN: "too many processes or threads; use fewer workers and threads",
}
"""What to do, by the number of an error of the operating system."""
_OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE)
"""Errors that libraries hide behind errors of their own."""
_WITHOUT_PATH = (*_OF_DISKS, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOLCK)
"""Errors that have a remedy even if no path is known."""
_WRITING_FAILED = (  # PyTorch, NumPy, GDAL, SQLite; none of them passes the number on
    "unexpected pos",
    "file write failed",
    "requested and",
    "Write error",
    "Write failed",
    "database or disk is full",
)
_MEMORY = (
    "can't allocate memory",
    "out of memory",
    "Cannot allocate memory",
    "Storage size calculation overflowed",
    "std::bad_alloc",
    "killed by signal: Killed",
    "killed by signal: Bus error",
    "insufficient shared memory",
)
_LOWER = (
    "lower dataset.image_size, the batch size (trainer, segmenter or attention), attention.scales, "
    "the size of the model, or the number of workers"
)
_IN_WORKER = re.compile(r"\[Errno (\d+)\] [^\n:]+(?:: '([^\n]*)')?\s*$")
_ASKED = re.compile(r"(?:allocate|allocated) (?:([\d.]+ [KMGTPE]iB)|(\d+) bytes)", re.IGNORECASE)


def explain(error: BaseException) -> str | None:
    """One line for an error of the machine; ``None`` for an error of the software.

    An `OSError` counts if it names a path, or if its number alone says what to do.
    """
    if _is_memory(error):
        return _explain_memory(str(error))
    if isinstance(error, OSError) and (line := _explain_os_error(error)) is not None:
        return line
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in _OF_DISKS:
            return _explain_os_error(cause)
    if "can't start new thread" in str(error):
        return f"{os.strerror(errno.EAGAIN)}: {_REMEDIES[errno.EAGAIN]}"
    if os.strerror(errno.ENOSPC) in str(error):  # safetensors, rasterio
        return f"{os.strerror(errno.ENOSPC)}: {_REMEDIES[errno.ENOSPC]}"
    if _is_failed_write(error):
        return (
            f"a file could not be written to its end, as on a full disk; {_REMEDIES[errno.ENOSPC]}"
        )
    return None


def _explain_os_error(error: OSError) -> str | None:
    number, path = error.errno, error.filename
    if number is None and (found := _IN_WORKER.search(str(error))):
        number, path = int(found[1]), found[2]  # PyTorch keeps only the text of workers' errors
    if number is None or (path is None and number not in _WITHOUT_PATH):
        return None
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    where = "" if path is None else f": {path}"
    remedy = _REMEDIES.get(number)
    return f"{os.strerror(number)}{where}" + (f"; {remedy}" if remedy else "")


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and any(words in text for words in _MEMORY)


def _explain_memory(text: str) -> str:
    asked = _ASKED.search(text)
    size = ""
    if asked is not None:
        size = f" for {asked[1] or f'{int(asked[2]) / 2**30:.3g} GiB'} more"
    return f"not enough memory{size}; {_LOWER}"


def _is_failed_write(error: BaseException) -> bool:
    """Whether a library says that it could not write, without the reason."""
    is_torch = isinstance(error, RuntimeError) and "inline_container" in str(error)
    is_sqlite = type(error).__name__ == "OperationalError"
    is_other = isinstance(error, OSError) and error.errno is None
    texts = [str(error), *(str(cause) for cause in _causes(error))]
    return (is_torch or is_sqlite or is_other) and any(
        words in text for words in _WRITING_FAILED for text in texts
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The errors from which this one arose, newest first."""
    known = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in known:
        known.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__

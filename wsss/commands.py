"""How every command ends: the exit status, and one line for what its user can change."""

from __future__ import annotations

import os
import select
import sys
import traceback
from collections.abc import Callable

from wsss.errors import UserError
from wsss.system_errors import explain
from wsss.terminal import accept_all_characters, visible

BAD_INPUT, INTERRUPTED, READER_GONE = 2, 130, 141
"""Exit statuses; the last two are those of a shell for SIGINT and SIGPIPE."""


def run_command(work: Callable[[], int], *, interrupted: str = "interrupted") -> int:
    """Do the work of a command and return its exit status.

    Bad input, and errors of disk or memory, are printed as one line with status 2. With the
    environment variable HYDRA_FULL_ERROR=1 the traceback is printed too.

    Args:
        work: returns the status.
        interrupted: the line that is printed after Ctrl-C, with status 130.

    Raises:
        Exception: an error of the software itself.
    """
    accept_all_characters()
    verbose = wants_traceback()
    try:
        status = work()
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _reader_is_gone():
            _discard_output()
            return READER_GONE
        line = line_of(error)
        if line is None:
            raise
        if verbose:
            traceback.print_exception(error)
        return complain(line)


def line_of(error: BaseException) -> str | None:
    """The line for an error that the user can do something about; ``None`` for any other."""
    return str(error) if isinstance(error, UserError) else explain(error)


def complain(line: str) -> int:
    """Print the line of an error; the exit status."""
    line = visible(" ".join(line.splitlines()))
    print(f"error: {line}", file=sys.stderr)
    return BAD_INPUT


def wants_traceback() -> bool:
    """Whether the user asked for tracebacks of all errors."""
    return os.environ.get("HYDRA_FULL_ERROR") == "1"


def _reader_is_gone() -> bool:
    """Whether nobody reads standard output any more, as after ``| head``."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # not a file of the operating system
        return False
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _discard_output() -> None:
    """Keep Python from failing again when it flushes standard output at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

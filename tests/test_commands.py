"""How commands end: one line and status 2 for what a user can change, a traceback for bugs."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import tiny
from torch.utils.data import DataLoader, Dataset

from wsss.commands import run_command
from wsss.errors import UserError
from wsss.system_errors import explain


def failing(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


def os_error(number: int, path: str | None = "/data/x") -> OSError:
    return OSError(number, os.strerror(number), path)


EXPLAINED: dict[str, tuple[BaseException, list[str]]] = {
    "bad input": (UserError("seed is 'a'"), ["error: seed is 'a'"]),
    "full disk": (os_error(errno.ENOSPC), ["No space left on device: /data/x", "free space"]),
    "full disk, no path": (os_error(errno.ENOSPC, None), ["No space left on device", "free space"]),
    "quota": (os_error(errno.EDQUOT), ["quota", "/data/x", "free space"]),
    "no permission": (os_error(errno.EACCES), ["Permission denied: /data/x", "permissions"]),
    "read-only disk": (os_error(errno.EROFS), ["Read-only", "/data/x", "paths.outputs"]),
    "file for a folder": (os_error(errno.ENOTDIR), ["/data/x", "a file, where a folder"]),
    "folder for a file": (os_error(errno.EISDIR), ["/data/x", "a folder, where a file"]),
    "disk fault": (os_error(errno.EIO), ["Input/output error: /data/x", "same command again"]),
    "stale handle": (os_error(errno.ESTALE), ["/data/x", "same command again"]),
    "open files": (os_error(errno.EMFILE, None), ["Too many open files", "ulimit -n"]),
    "long name": (os_error(errno.ENAMETOOLONG), ["File name too long: /data/x", "shorter"]),
    "another number": (os_error(errno.EXDEV), [f"{os.strerror(errno.EXDEV)}: /data/x"]),
    "bytes as path": (OSError(errno.EACCES, "denied", b"/data/\xe9"), [r"/data/\udce9"]),
    "control characters": (os_error(errno.ENOENT, "/data/\x1b[2Jx\ny"), [r"/data/\x1b[2Jx y"]),
    "memory": (MemoryError(), ["not enough memory", "lower dataset.image_size"]),
    "threads": (RuntimeError("can't start new thread"), ["fewer workers"]),
    "CUDA": (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has ..."),
        ["not enough memory for 20.00 GiB more", "batch size"],
    ),
    "killed worker": (
        RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
        ["not enough memory", "number of workers"],
    ),
    "safetensors": (
        ValueError("Error while serializing: I/O error: No space left on device (os error 28)"),
        ["No space left on device", "free space"],
    ),
    "checkpoint on a full disk": (
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
        ["could not be written"],
    ),
}


@pytest.mark.parametrize("case", EXPLAINED)
def test_what_a_user_can_change_gets_one_line(
    case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error, words = EXPLAINED[case]

    assert run_command(failing(error)) == 2

    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1
    for word in words:
        assert word in line


BUGS = (
    ZeroDivisionError("bug"),
    KeyError("seed"),
    RuntimeError("shapes differ"),
    OSError("no number"),
    os_error(errno.EBADF, None),
    BrokenPipeError(errno.EPIPE, "Broken pipe"),  # of a process, not of the terminal
)


@pytest.mark.parametrize("bug", BUGS, ids=repr)
def test_a_bug_keeps_its_traceback(bug: Exception) -> None:
    with pytest.raises(type(bug)) as caught:
        run_command(failing(bug))
    assert caught.value is bug


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: torch.empty(2**60),
        lambda: torch.empty(2**40, 2**40),
        lambda: np.empty(2**58),
        lambda: bytearray(2**60),
    ],
    ids=["torch", "torch, too many elements", "numpy", "python"],
)
def test_real_allocations_that_fail_are_recognised(allocate: Callable[[], object]) -> None:
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        allocate()
    assert (explain(caught.value) or "").startswith("not enough memory")


class MissingFiles(Dataset[bytes]):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> bytes:
        return Path(f"/nowhere/{index} a.png").read_bytes()


def test_the_path_survives_a_loading_process() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        list(DataLoader(MissingFiles(), num_workers=1))
    assert (explain(caught.value) or "").startswith("No such file or directory: /nowhere/0 a.png")


def test_interruption_has_the_status_of_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(failing(KeyboardInterrupt()), interrupted="stopped") == 130
    assert capsys.readouterr().err == "stopped\n"


def test_a_traceback_can_be_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert run_command(failing(os_error(errno.EACCES))) == 2
    complaint = capsys.readouterr().err
    assert "Traceback" in complaint and complaint.splitlines()[-1].startswith("error: Permission")


def test_a_reader_that_leaves_ends_a_command_quietly() -> None:
    endless = (
        "import sys; from wsss.commands import run_command\n"
        "def work():\n"
        "    while True: print('line')\n"
        "sys.exit(run_command(work))"
    )
    piped = f"'{sys.executable}' -c \"{endless}\" | head -1; echo ${{PIPESTATUS[0]}}"

    done = tiny.run_command(["bash", "-c", piped])

    assert done.stdout.split() == ["line", "141"] and not done.stderr


def test_an_ascii_terminal_shows_every_name(tmp_path: Path) -> None:
    shown = (
        "import os, sys; from wsss.commands import run_command\n"
        "from wsss.terminal import plain_console\n"
        "def work():\n"
        "    plain_console().print('forêt ±', os.fsdecode(b'a\\xe9'), soft_wrap=True)\n"
        "    return 0\n"
        "sys.exit(run_command(work))"
    )
    run = ["env", "PYTHONIOENCODING=ascii", sys.executable, "-c", shown]
    assert tiny.run_command(run).stdout == "for\\xeat \\xb1 a\\udce9\n"

"""Tiny complete runs in forked processes, so that a fault costs a second and not ten."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from helpers import tiny
from helpers.command_line import _call_main

SMALL = (
    "dataset.scenes_train=8",
    "dataset.scenes_val=4",
    "dataset.scenes_test=4",
    "dataset.scene_size=16",
    "dataset.image_size=16",
    "model.embed_dim=16",
    "model.depth=1",
    "model.patch_size=4",
    "trainer.max_epochs=2",
    "trainer.batch_size=4",
    "pruning.max_epochs=1",
    "segmenter.max_epochs=1",
    "segmenter.batch_size=4",
    "segmenter.window=16",
    "attention.scales=[1.0]",
    "attention.flip=false",
    "pseudo_mask.pamr_iterations=1",
    "evaluation.figure_images=0",
)


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    status: int
    """As of the shell; negative if a signal ended it."""
    text: str
    """What it printed."""

    @property
    def refused(self) -> bool:
        """Whether it ended in one line and status 2."""
        errors = [line for line in self.text.splitlines() if line.startswith("error: ")]
        return self.status == 2 and len(errors) == 1 and "Traceback" not in self.text


class Run:
    """A call, in a forked process, that returns an exit status; a file gets what it prints."""

    def __init__(self, call: Callable[[], int], log: Path) -> None:
        self._log = log
        sys.stdout.flush()
        self.process = os.fork()
        if self.process == 0:
            self._child(call)

    def _child(self, call: Callable[[], int]) -> None:
        status = 70
        try:
            handle = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            sys.stdout = os.fdopen(1, "w", buffering=1, errors="replace", closefd=False)
            sys.stderr = os.fdopen(2, "w", buffering=1, errors="replace", closefd=False)
            status = call()
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def end(self, timeout: float = 120) -> Ended:
        """Wait; a run that hangs is killed and has status 124."""
        limit = time.monotonic() + timeout
        while True:
            done, code = os.waitpid(self.process, os.WNOHANG)
            if done:
                status = os.waitstatus_to_exitcode(code)
                return Ended(status, self._log.read_text(errors="replace"))
            if time.monotonic() > limit:
                os.kill(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
                return Ended(124, self._log.read_text(errors="replace"))
            time.sleep(0.01)

    def stop(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.process, number)


def run_with(fault: Callable[[], None], outputs: Path) -> int:
    """The run's exit status, after a fault has been prepared in its process."""
    fault()
    return _call_main(tiny.command(outputs, *SMALL)[3:])


def start_anew(outputs: Path) -> subprocess.Popen[str]:
    """The same run in a process of its own, imports included."""
    return subprocess.Popen(
        tiny.command(outputs, *SMALL),
        cwd=tiny.REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

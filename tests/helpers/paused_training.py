"""A training in a process of its own that waits for its test at a step that the test names."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers import tiny

PROGRAM = """
import sys, time
from pathlib import Path

gate, pause = Path(sys.argv.pop(1)), int(sys.argv.pop(1))

from wsss.pipelines.__main__ import main
from wsss.tracking import RunLog, tracker

record = RunLog.metrics
tracker._POLL_SECONDS = 0.1

def record_and_wait(log, key, values, step=0):
    record(log, key, values, step)
    while key == "train" and step == pause and not gate.exists():
        time.sleep(0.05)

RunLog.metrics = record_and_wait
main()
"""


@contextmanager
def paused(arguments: list[str], gate: Path, step: int) -> Iterator[subprocess.Popen[str]]:
    """Run a `tiny.command` whose training waits after ``step`` until ``gate`` exists.

    Meanwhile its metrics are sent ten times a second. At the end of the context it is killed.
    """
    python, _, _, *rest = arguments
    with subprocess.Popen(
        [python, "-c", PROGRAM, str(gate), str(step), *rest],
        cwd=tiny.REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as training:
        try:
            yield training
        finally:
            training.kill()

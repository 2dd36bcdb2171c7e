"""A training in a process of its own that waits for its test at a step that the test names."""

from __future__ import annotations

import subprocess
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


def start(arguments: list[str], gate: Path, pause: int) -> subprocess.Popen[str]:
    """Start a `tiny.command` whose training waits after step ``pause`` until ``gate`` exists.

    Meanwhile its metrics are sent ten times a second.
    """
    python, _, _, *rest = arguments
    return subprocess.Popen(
        [python, "-c", PROGRAM, str(gate), str(pause), *rest],
        cwd=tiny.REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

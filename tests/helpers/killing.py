"""A command line that is killed at a point that the test names."""

from __future__ import annotations

import signal
from pathlib import Path

from helpers import tiny

#: Every file that Python opens or renames is an occasion to look, and to die.
PROGRAM = """
import os, signal, sys
from pathlib import Path

folder, pattern, count = Path(sys.argv.pop(1)), sys.argv.pop(1), int(sys.argv.pop(1))
process = os.getpid()

def kill_once_they_are_there(event, arguments):
    if event in ("open", "os.rename") and len(list(folder.glob(pattern))) >= count:
        os.kill(process, signal.SIGKILL)

sys.addaudithook(kill_once_they_are_there)

from wsss.pipelines.__main__ import main
main()
"""


def run_and_kill(arguments: list[str], folder: Path, pattern: str, count: int) -> None:
    """Run a `tiny.command` that gets no further than ``count`` files of a pattern in a folder."""
    python, _, _, *rest = arguments
    done = tiny.run_command(
        [python, "-c", PROGRAM, str(folder), pattern, str(count), *rest], check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr

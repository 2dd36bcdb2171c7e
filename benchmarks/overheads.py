"""Time that commands take in addition to their work, and the imports that cause it.

Every command runs in a new process; "importing" is Python's own count (``-X importtime``) for
``stage=all``, by package.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.results import Figure, Outcome
from wsss.digests import file_digest
from wsss.timing import time_in_turn

COMMAND = (sys.executable, "-m", "wsss.pipelines")
SMALL = (
    "dataset.scenes_train=32",
    "dataset.scenes_val=8",
    "dataset.scenes_test=8",
    "trainer.max_epochs=1",
    "segmenter.max_epochs=1",
)
HASHED_MB = 256


def measure(rounds: int, device: str) -> Outcome:
    """Seconds of commands, and of the imports within."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        everything = (*COMMAND, f"paths.outputs={name}/outputs", *SMALL)
        run(*everything)
        blob = Path(name) / "blob"
        blob.write_bytes(os.urandom(HASHED_MB * 10**6))
        passes: dict[str, Callable[[], object]] = {
            "--help": partial(run, *COMMAND, "--help"),
            "--cfg job": partial(run, *COMMAND, "--cfg", "job"),
            "stage=all, up to date": partial(run, *everything),
            "python -c 'import torch'": partial(run, sys.executable, "-c", "import torch"),
            "hashing": partial(file_digest, blob),
        }
        seconds = time_in_turn(passes, rounds)
        importing = imports(*everything)
    hashing = seconds.pop("hashing")
    limits = {"--help": 1.5, "stage=all, up to date": 6.0}
    figures = [
        Figure(command, "seconds in all", taken, "s", most=limits.get(command))
        for command, taken in seconds.items()
    ]
    figures.append(
        Figure("hashing for manifests", f"{HASHED_MB} MB", [HASHED_MB / s for s in hashing], "MB/s")
    )
    figures += [
        Figure(f"importing {package}", "stage=all, up to date", [taken], "s")
        for package, taken in importing.items()
        if package in list(importing)[:8] or package == "wsss"
    ]
    return Outcome(figures)


def run(*command: str) -> str:
    """Run a command and return its standard error."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def imports(*command: str) -> dict[str, float]:
    """Seconds that each package's own modules take to import."""
    python, *rest = command
    seconds: dict[str, float] = defaultdict(float)
    for line in run(python, "-X", "importtime", *rest).splitlines():
        if line.startswith("import time:") and "imported package" not in line:
            own, _, module = line.removeprefix("import time:").split("|")
            seconds[module.strip().partition(".")[0]] += int(own) / 1e6
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))

"""The tiny experiment on a real SLURM."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from helpers import tiny


@dataclass(frozen=True)
class Cluster:
    """What tests do with SLURM."""

    outputs: Path

    def submit(self, *overrides: str, tracking: str = "none") -> list[list[str]]:
        """Submit the tiny experiment; the words of each line that names a stage."""
        small = ("launch.resources.train.cpus=1", "launch.resources.segment.cpus=1")
        done = tiny.run(self.outputs, "launch=slurm", *small, *overrides, tracking=tracking)
        return [line.split() for line in done.stdout.splitlines() if line.startswith("  ")]

    def status(self, *options: str) -> subprocess.CompletedProcess[str]:
        """The status command."""
        command = [sys.executable, "-m", "wsss.pipelines.status", str(self.outputs), *options]
        return tiny.run_command(command, check=False)

    def wait(self, *jobs: str, seconds: float = 240) -> None:
        """Wait until jobs have left the queue."""
        self.wait_until(lambda: not set(jobs) & set(queued()), seconds, every=0.3)

    def wait_until(
        self, true: Callable[[], bool], seconds: float = 120, every: float = 0.05
    ) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, self.status("--lines", "20").stdout
            time.sleep(every)


def queued() -> list[str]:
    """Ids of jobs that wait or run."""
    done = subprocess.run(["squeue", "-h", "-o", "%F"], capture_output=True, text=True, check=True)
    return done.stdout.split()

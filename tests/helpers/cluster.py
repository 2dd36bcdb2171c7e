"""The tiny experiment on a real SLURM."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from helpers import tiny
from helpers.waiting import wait_for


@dataclass(frozen=True)
class Cluster:
    """What a test does with SLURM: it sees the jobs of its own outputs only."""

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

    def jobs(self) -> set[str]:
        """Ids of all that was submitted."""
        return {path.name.partition("_")[0] for path in self.outputs.glob("jobs/*_submitted.pkl")}

    def queued(self) -> set[str]:
        """Ids of the jobs that wait or run."""
        return self.jobs() & set(_lines("squeue", "-h", "-o", "%F"))

    def accounted(self, job: str, columns: str = "State") -> list[str]:
        """Lines of the accounting, which is some seconds behind the queue."""
        return _lines("sacct", "-X", "-n", "-P", "-o", columns, "-j", job)

    def wait(self) -> None:
        """Wait until no job is left in the queue and the accounting knows how each ended."""
        self.wait_until(lambda: not self.queued(), seconds=600)
        under_way = {"PENDING", "RUNNING", "COMPLETING", "REQUEUED"}
        self.wait_until(lambda: not under_way & set(self.accounted(",".join(self.jobs()))))

    def wait_until(self, event: Callable[[], object], seconds: float = 300) -> None:
        wait_for(event, seconds, lambda: self.status("--lines", "20").stdout)


def _lines(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

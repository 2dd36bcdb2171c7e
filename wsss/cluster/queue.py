"""The state of jobs according to SLURM."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from wsss.errors import UserError

LIVE = Literal["pending", "running"]
_PENDING = ("PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "SUSPENDED")
"""All other states of a queued job count as running."""


@dataclass(frozen=True)
class Waiting:
    """A job in the queue; an array counts as one job."""

    state: LIVE
    reason: str
    """Why it waits, in SLURM's words, or the nodes that it runs on."""
    name: str


def live_jobs() -> dict[str, Waiting]:
    """The user's waiting and running jobs, by id; an array runs if any member runs."""
    found: dict[str, Waiting] = {}
    for line in _ask("squeue", "--me", "--noheader", "--format=%F|%T|%R|%j").splitlines():
        job, state, reason, name = line.strip().split("|", 3)
        if state == "COMPLETED":
            continue
        word: LIVE = "pending" if state in _PENDING else "running"
        waiting = Waiting(word, reason.strip("()"), name)
        if job not in found or waiting.state == "running":
            found[job] = waiting
    return found


def endings(jobs: Iterable[str]) -> dict[str, str]:
    """How jobs ended, by id, e.g. ``FAILED (exit 1:0)``; for an array, its worst member."""
    wanted = list(jobs)
    if not wanted:
        return {}
    text = _ask("sacct", "-X", "-n", "-P", "-o", "JobID,State,ExitCode", "-j", ",".join(wanted))
    found: dict[str, str] = {}
    for line in text.splitlines():
        job, state, code = line.split("|")
        ending = state if code == "0:0" else f"{state} (exit {code})"
        job = job.split("_")[0]
        if found.get(job, "COMPLETED").startswith("COMPLETED"):
            found[job] = ending
    return found


def cancel(jobs: Sequence[str]) -> None:
    """Cancel jobs; finished ones are ignored."""
    if jobs:
        _ask("scancel", *jobs)


def _ask(program: str, *arguments: str) -> str:
    """The output of a SLURM program; `UserError` if it is missing or fails."""
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{program} does not answer; try again later") from error
    except FileNotFoundError:
        raise UserError(
            f"launch=slurm needs SLURM's commands, but '{program}' is not on PATH; "
            "run on a login node, or with launch=local"
        ) from None
    if done.returncode:
        complaint = " ".join(done.stderr.split())
        raise UserError(f"{program} failed: {complaint or f'status {done.returncode}'}")
    return done.stdout

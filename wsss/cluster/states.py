"""The state of the stages of runs: done, queued, or failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wsss.cluster.job_records import JobRecord, JobRecords, log_path
from wsss.cluster.queue import endings, live_jobs
from wsss.runs.layout import JOBS, job_keys
from wsss.runs.manifest import MANIFEST
from wsss.runs.results import stage_directory

State = Literal["up to date", "running", "pending", "failed", "cancelled", "-"]


@dataclass(frozen=True)
class StageState:
    """One stage of one run."""

    run: Path
    stage: str
    state: State
    """``-`` for a stage that was never requested."""
    job: str | None
    """SLURM's id of the newest job for it."""
    reason: str
    """Why it waits, where it runs, or how it ended, in SLURM's words."""
    log: Path | None


def stage_states(runs: Sequence[Path], stages: Sequence[str]) -> list[StageState]:
    """The state of the stages of runs; SLURM is queried only if jobs were submitted.

    Raises:
        UserError: SLURM does not answer.
    """
    jobs: dict[tuple[Path, str], tuple[JobRecord, Path]] = {}
    for run in runs:
        records = JobRecords(run.parents[1] / JOBS)
        for stage, key in job_keys(run).items():
            if (record := records.get(key)) is not None:
                jobs[run, stage] = (record, log_path(records.folder, record))
    live = live_jobs() if jobs else {}
    done = {(r, s) for r in runs for s in stages if (stage_directory(r, s) / MANIFEST).is_file()}
    unfinished = {record.job for place, (record, _) in jobs.items() if place not in done}
    ended = endings(sorted(unfinished - set(live)))
    found = []
    for run in runs:
        for stage in stages:
            state: State
            record, log = jobs.get((run, stage), (None, None))
            job = None if record is None else record.job
            state, reason = "-", ""
            if (run, stage) in done:
                state = "up to date"
            elif job in live:
                state, reason = live[job].state, live[job].reason
            elif job is not None:
                reason = ended.get(job, "no record of the job")
                state = "cancelled" if reason.startswith("CANCELLED") else "failed"
            found.append(StageState(run, stage, state, job, reason, log))
    return found


def last_lines(log: Path, count: int) -> list[str]:
    """The last lines of a job's error log or, if that is empty, of its output."""
    for path in (log.with_suffix(".err"), log):
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        told = [line for line in lines if line.strip() and "submitit INFO" not in line]
        if told:
            return told[-count:]
    return []

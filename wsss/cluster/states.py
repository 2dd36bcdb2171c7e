"""The state of the stages of runs: done, queued, or failed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wsss.cluster.job_records import JobRecord, JobRecords, log_path
from wsss.cluster.queue import Waiting, endings, live_jobs
from wsss.engine.registry import STAGES
from wsss.errors import UserError
from wsss.records import entry, open_record, read_object
from wsss.runs.layout import JOBS, job_keys, outputs_of, stage_folder
from wsss.runs.manifest import MANIFEST

_TAIL, _LARGEST_LOG = 2**16, 2**40

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


@dataclass(frozen=True)
class RunRecords:
    """What the records of one run say."""

    jobs: Mapping[str, tuple[JobRecord, Path]]
    """The newest job and its log, by stage."""
    done: frozenset[str]
    """Stages whose artifact is complete."""


def read_records(run: Path) -> RunRecords:
    """The records of a run; `UserError` if one of them is damaged."""
    done = frozenset(stage for stage in STAGES if _is_complete(run, stage))
    outputs = outputs_of(run)
    if outputs is None:
        return RunRecords({}, done)
    records = JobRecords(outputs / JOBS)
    found = ((stage, records.get(key)) for stage, key in job_keys(run).items() if stage in STAGES)
    jobs = {stage: (job, log_path(records.folder, job)) for stage, job in found if job is not None}
    return RunRecords(jobs, done)


def stage_states(runs: Mapping[Path, RunRecords]) -> list[StageState]:
    """The state of all stages of runs; SLURM is queried only if jobs were submitted.

    Raises:
        UserError: SLURM does not answer.
    """
    jobs = {(run, stage): job for run, told in runs.items() for stage, job in told.jobs.items()}
    live = live_jobs() if jobs else {}
    unfinished = {job.job for (run, s), (job, _) in jobs.items() if s not in runs[run].done}
    ended = endings(sorted(unfinished - set(live)))
    found = []
    for run in runs:
        for stage in STAGES:
            state: State
            record, log = jobs.get((run, stage), (None, None))
            job = None if record is None else record.job
            state, reason = "-", ""
            if stage in runs[run].done:
                state = "up to date"
            elif record is not None and _is_live(record, live):
                state, reason = live[record.job].state, live[record.job].reason
            elif job is not None:
                reason = ended.get(job, "no record of the job")
                state = "cancelled" if reason.startswith("CANCELLED") else "failed"
            found.append(StageState(run, stage, state, job, reason, log))
    return found


def _is_live(record: JobRecord, live: Mapping[str, Waiting]) -> bool:
    """Whether the job is in the queue; another job may have its id, which SLURM uses again."""
    return record.job in live and live[record.job].name == record.name


def _is_complete(run: Path, stage: str) -> bool:
    """Whether a stage's artifact is complete; `UserError` for a manifest of another shape.

    Files are not compared with their digests: that is done when a stage reads them.
    """
    path = stage_folder(run, stage) / MANIFEST
    try:
        manifest = read_object(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    files = entry(manifest, "files", dict, path)
    for name in files:
        entry(files, name, dict, path)
    return True


def last_lines(log: Path, count: int) -> list[str]:
    """The last lines of a job's error log or, if that is empty, of its output."""
    for path in (log.with_suffix(".err"), log):
        lines = _tail(path)
        told = [line for line in lines if line.strip() and "submitit INFO" not in line]
        if told:
            return told[-count:]
    return []


def _tail(path: Path) -> list[str]:
    """The lines at the end of a log; none if it cannot be read."""
    try:
        with open_record(path, _LARGEST_LOG) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return file.read().decode(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except UserError as error:
        return [str(error)]

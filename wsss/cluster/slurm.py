"""Submit calls to SLURM through submitit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError

from wsss.cluster.job_records import JobRecord
from wsss.config.launch import ClusterLaunch, Resources
from wsss.errors import UserError, one_line

T = TypeVar("T")


def submit(
    calls: Sequence[Callable[[], T]],
    *,
    name: str,
    launch: ClusterLaunch,
    resources: Resources,
    nodes: int,
    tasks_per_node: int,
    after: Sequence[str],
    folder: Path,
) -> JobRecord:
    """Submit one job, or an array for several calls.

    Jobs start once all of ``after`` have succeeded, and are cancelled if one of them fails. A call
    with a method ``checkpoint`` is requeued when it is preempted or out of time.

    Args:
        calls: picklable; hold arguments only, since a requeued job starts from them again.
        name: name of the job in the queue.
        launch: settings that all jobs share.
        resources: resources of one task.
        nodes: number of nodes.
        tasks_per_node: number of processes on each node that run the same call.
        after: ids of the jobs to wait for.
        folder: folder of scripts and logs, which are named after the job.

    Raises:
        UserError: SLURM refuses the job; the message says why.
    """
    try:
        executor = submitit.SlurmExecutor(
            folder, max_num_timeout=launch.requeues, python=launch.python
        )
    except RuntimeError as error:
        raise UserError(f"launch=slurm: {error}; run on a login node, or launch=local") from error
    optional = {key: getattr(resources, key) for key in ("partition", "qos", "account")}
    optional |= {"constraint": resources.constraint, "setup": resources.setup or None}
    if resources.gpus:
        optional["gpus_per_node"] = resources.gpus * tasks_per_node
    if after:
        optional["dependency"] = f"afterok:{':'.join(after)}"
    executor.update_parameters(
        job_name=name,
        time=resources.minutes,
        nodes=nodes,
        ntasks_per_node=tasks_per_node,
        cpus_per_task=resources.cpus,
        mem=f"{round(resources.memory_gb * tasks_per_node * 1024)}MB",
        signal_delay_s=launch.signal_seconds,
        array_parallelism=resources.array_parallelism,
        # srun does not inherit the cores, and would wait for the other tasks if one fails.
        srun_args=[f"--cpus-per-task={resources.cpus}", "--kill-on-bad-exit=1"],
        additional_parameters={"kill-on-invalid-dep": "yes"},
        **{key: value for key, value in optional.items() if value is not None},
    )
    try:
        with executor.batch():
            jobs = [executor.submit(call) for call in calls]
    except (FailedJobError, FailedSubmissionError) as error:
        raise UserError(f"SLURM refuses job '{name}': {_complaint(error)}") from error
    return JobRecord(
        job=jobs[0].job_id.split("_")[0],
        name=name,
        tasks=nodes * tasks_per_node,
        members=len(calls),
        submitted=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _complaint(error: Exception) -> str:
    """The error message of sbatch, without what submitit adds."""
    lines = [line.strip() for line in str(error).splitlines() if "sbatch: error:" in line]
    return " ".join(lines) or one_line(error)[:300]

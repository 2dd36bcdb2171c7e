"""Submit an experiment's stages as jobs with dependencies, and return at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from wsss.cluster.job import StageJob
from wsss.cluster.job_records import JOB_NAME, JobRecord, JobRecords, log_path
from wsss.cluster.queue import live_jobs
from wsss.cluster.resources import stage_resources
from wsss.cluster.slurm import submit
from wsss.config.launch import ClusterLaunch, Resources
from wsss.config.schema import Config
from wsss.data.open import open_dataset
from wsss.engine.artifacts import REPLACED
from wsss.engine.feasible import check_networks
from wsss.engine.graph import Graph
from wsss.engine.registry import choose_stages, find_stage, to_rebuild
from wsss.engine.run_directory import RunDirectory
from wsss.engine.runner import relative
from wsss.engine.stage import Part, Stage
from wsss.errors import UserError
from wsss.runs.layout import JOBS, dataset_memory


@dataclass(frozen=True)
class Submission:
    """The outcome of submitting one stage."""

    stage: str
    job: str | None
    """``None`` if the artifact is up to date."""
    state: str
    """``submitted``, ``shared`` with a job that is already queued, or ``up to date``."""
    log: Path | None


def submit_experiment(
    config: Config, plain: dict[str, Any], console: Console, sweep: str | None = None
) -> list[Submission]:
    """Submit the stages that are not up to date, and print the jobs.

    If a queued job already makes an artifact, for this or another experiment, later jobs wait for
    it, and the artifact is not made twice. No pixel mask is read.

    Args:
        config: the experiment; its ``launch`` is a `ClusterLaunch`.
        plain: the composed config as plain values, for the jobs.
        console: receives a line per stage.
        sweep: name of the sweep that the experiment belongs to.

    Raises:
        UserError: bad input, a stage with a missing input that no job makes, or a job that SLURM
            refuses.
    """
    launch = config.launch
    assert isinstance(launch, ClusterLaunch)
    stages = choose_stages(config.stage)
    resources = stage_resources(launch, stages)
    check_networks(config, [stage.name for stage in stages])  # the nodes have their own memory
    graph = Graph(config, open_dataset(config.dataset, dataset_memory(config)))
    directory = RunDirectory.open(config, sweep)
    records = JobRecords(config.outputs / JOBS)
    with records.alone():
        queue = Queue(graph, records, stages, set(live_jobs()), launch, resources, plain, sweep)
        done = []
        for stage in stages:
            done.append(queue.submit(stage))
            if stage.plan is None:
                directory.link(stage.name, graph.artifact(stage).path)
            directory.submitted({stage.name: graph.job_key(stage)}, plain)
    console.print(f"run: {relative(directory.path)}", soft_wrap=True)
    for row in done:
        where = "" if row.log is None else f"  {relative(row.log)}"
        console.print(f"  {row.stage:<9} {row.job or '-':>8}  {row.state}{where}")
    return done


@dataclass
class Queue:
    """The jobs of one experiment, and those of others that it can share."""

    graph: Graph
    records: JobRecords
    stages: Sequence[Stage]
    """All stages to submit."""
    live: set[str]
    """Ids of the jobs in SLURM's queue."""
    launch: ClusterLaunch
    resources: Mapping[str, Resources]
    """By stage."""
    plain: dict[str, Any]
    sweep: str | None

    def submit(self, stage: Stage) -> Submission:
        """Submit a stage unless it is up to date or in the queue already."""
        if stage.plan is None and self._is_current(stage):
            return Submission(stage.name, None, "up to date", None)
        shared = self._waiting(stage)
        if shared is not None:
            return self._row(stage, shared, "shared")
        after = [job for name in stage.upstream for job in self._jobs_behind(stage, name)]
        trainer, key = self.graph.config.trainer, self.graph.job_key(stage)
        together = stage.trains(self.graph.config)
        resources = self.resources[stage.name]
        record = submit(
            [
                StageJob(
                    config=self.plain | {"rebuild": self._rebuilt_by_job(stage)},
                    stage=stage.name,
                    part=Part(index, resources.shards),
                    key=key,
                    sweep=self.sweep,
                )
                for index in range(resources.shards)
            ],
            name=f"{JOB_NAME}{stage.name}",
            launch=self.launch,
            resources=resources,
            nodes=trainer.num_nodes if together else 1,
            tasks_per_node=trainer.devices if together else 1,
            after=after,
            folder=self.records.folder,
        )
        self.records.put(key, record)
        self.live.add(record.job)
        return self._row(stage, record, "submitted")

    def _is_current(self, stage: Stage) -> bool:
        """Whether no job is needed; what is to be rebuilt is set aside here, once for all parts."""
        if stage in to_rebuild(self.graph.config.rebuild, self.stages):
            self.graph.artifact(stage).set_aside(REPLACED)
        return self.graph.artifact(stage).manifest() is not None

    def _rebuilt_by_job(self, stage: Stage) -> list[str]:
        """A stage whose artifact is known only once masks are read is set aside by its job."""
        chosen = to_rebuild(self.graph.config.rebuild, self.stages)
        return [stage.name] if stage.plan is not None and stage in chosen else []

    def _waiting(self, stage: Stage) -> JobRecord | None:
        """The job in the queue that makes a stage's artifact."""
        record = self.records.get(self.graph.job_key(stage))
        return record if record is not None and record.job in self.live else None

    def _jobs_behind(self, stage: Stage, name: str) -> list[str]:
        """The job to wait for before ``name`` can be read; none if its artifact is complete."""
        read = find_stage(name)
        if self.graph.artifact(read).manifest() is not None:
            return []
        record = self._waiting(read)
        if record is None:
            raise UserError(
                f"stage '{stage.name}' reads '{name}', which neither exists for this config nor is "
                f"queued; add it: stage=[{name},{stage.name}], or submit stage=all"
            )
        return [record.job]

    def _row(self, stage: Stage, record: JobRecord, state: str) -> Submission:
        return Submission(stage.name, record.job, state, log_path(self.records.folder, record))

"""The config group ``launch``: where stages run, and with which resources."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass

from wsss.checks import check_between, check_least, check_positive
from wsss.errors import UserError


@dataclass(frozen=True)
class LaunchConfig(ABC):
    """Settings of every way of launching."""

    name: str
    threads: int | None
    """CPU threads of PyTorch; ``null`` for one per core or, in a job, the stage's ``cpus``.

    The last digits of a network's output depend on the number of threads, so a number that is set
    here is part of what identifies results.
    """
    workers: int
    """Extra processes that read images for ``extract`` and make masks for ``generate``.

    Each runs on one CPU thread, so with workers refinement does not use a GPU. Results do not
    depend on their number. For training, see ``trainer.num_workers``.
    """

    def __post_init__(self) -> None:
        check_between("launch.threads", self.threads, 1, 4096)
        check_between("launch.workers", self.workers, 0, 1024)


@dataclass(frozen=True)
class LocalLaunch(LaunchConfig):
    """All stages run one after another in this process."""


@dataclass(frozen=True)
class Resources:
    """Resources of one task of a stage, in SLURM's terms; ``null`` leaves a value to the cluster.

    A training stage has ``trainer.num_nodes`` times ``trainer.devices`` tasks, any other stage one.
    """

    cpus: int
    """Cores per task."""
    gpus: int
    """GPUs per task."""
    memory_gb: float
    """GiB of memory per task."""
    minutes: int
    """Time limit of the job."""
    partition: str | None
    """SLURM's ``--partition``."""
    qos: str | None
    """SLURM's ``--qos``."""
    account: str | None
    """SLURM's ``--account``."""
    constraint: str | None
    """SLURM's ``--constraint``."""
    setup: list[str]
    """Shell lines that run before the job."""
    shards: int
    """Number of jobs, in one array, that share the stage's images."""
    array_parallelism: int
    """How many of these jobs may run at a time."""

    def __post_init__(self) -> None:
        for key, least in (("cpus", 1), ("gpus", 0), ("minutes", 1), ("shards", 1)):
            check_least(f"launch.resources.<stage>.{key}", getattr(self, key), least)
        check_positive("launch.resources.<stage>.memory_gb", self.memory_gb)
        check_least("launch.resources.<stage>.array_parallelism", self.array_parallelism, 1)


@dataclass(frozen=True)
class ClusterLaunch(LaunchConfig):
    """Every stage is a job: on SLURM, or with ``debug`` one after another in this process."""

    requeues: int
    """How often a job may reach its time limit and continue."""
    signal_seconds: int
    """How long before its time limit SLURM warns a job."""
    python: str | None
    """Command that starts Python on a node; ``null`` for the interpreter in use."""
    resources: dict[str, Resources]
    """By stage."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least("launch.requeues", self.requeues, 0)
        check_least("launch.signal_seconds", self.signal_seconds, 1)

    def resources_of(self, stage: str, shardable: Sequence[str]) -> Resources:
        """Resources of one stage; ``shardable`` names the stages whose work can be split.

        Raises:
            UserError: the stage has none, or has several shards and cannot be split.
        """
        if stage not in self.resources:
            raise UserError(
                f"launch.resources has no entry for stage '{stage}'; add it to "
                "conf/launch/slurm.yaml"
            )
        resources = self.resources[stage]
        if resources.shards > 1 and stage not in shardable:
            raise UserError(
                f"launch.resources.{stage}.shards is {resources.shards}, but only "
                f"{' and '.join(shardable)} can be sharded; training uses trainer.devices"
            )
        return resources

"""The config group ``launch``: where stages run, and with what."""

from __future__ import annotations

from dataclasses import dataclass

from wsss.checks import check_least, check_positive


@dataclass(frozen=True)
class LaunchConfig:
    """``local`` runs the stages one after another in this process.

    ``threads`` limits PyTorch's CPU threads; ``null`` leaves its default, one per core, or on a
    cluster takes the stage's ``cpus``. ``workers`` are processes beside this one that read the
    images of stage ``extract`` and make the masks of ``generate``, each on one thread of the CPU;
    those of trainings are ``trainer.num_workers``. Threads change last digits of networks; workers
    change nothing, but that refinement leaves the GPU.
    """

    name: str
    threads: int | None
    workers: int

    def __post_init__(self) -> None:
        check_least("launch.threads", self.threads, 1)
        check_least("launch.workers", self.workers, 0)


@dataclass(frozen=True)
class Resources:
    """What one task of a stage gets, in SLURM's terms; ``null`` leaves it to the cluster.

    ``cpus``, ``gpus`` and ``memory_gb`` are of one task. A training stage has
    ``trainer.num_nodes`` times ``trainer.devices`` tasks, any other one. ``minutes`` is the time
    limit. ``setup`` are shell lines that come before. A stage with ``shards`` above 1 is an array
    of so many jobs, each with its part of the images, ``array_parallelism`` at a time.
    """

    cpus: int
    gpus: int
    memory_gb: float
    minutes: int
    partition: str | None
    qos: str | None
    account: str | None
    constraint: str | None
    setup: list[str]
    shards: int
    array_parallelism: int

    def __post_init__(self) -> None:
        for key, least in (("cpus", 1), ("gpus", 0), ("minutes", 1), ("shards", 1)):
            check_least(f"launch.resources.<stage>.{key}", getattr(self, key), least)
        check_positive("launch.resources.<stage>.memory_gb", self.memory_gb)
        check_least("launch.resources.<stage>.array_parallelism", self.array_parallelism, 1)


@dataclass(frozen=True)
class StageResources:
    """`Resources` of every stage."""

    train: Resources
    prune: Resources
    extract: Resources
    generate: Resources
    segment: Resources
    evaluate: Resources
    ceiling: Resources

    def __post_init__(self) -> None:
        for stage in ("train", "prune", "segment", "evaluate", "ceiling"):
            if self.of(stage).shards > 1:
                raise ValueError(
                    f"launch.resources.{stage}.shards is {self.of(stage).shards}; only extract and "
                    "generate can be sharded, training takes trainer.devices"
                )

    def of(self, stage: str) -> Resources:
        """Those of one stage."""
        found: Resources = getattr(self, stage)
        return found


@dataclass(frozen=True)
class ClusterLaunch(LaunchConfig):
    """Every stage is a job of its own: ``slurm``, or ``debug`` to run those jobs in this process.

    ``requeues`` is how often a job may run into its time limit and go on; ``signal_seconds`` how
    long before its end SLURM warns it; ``python`` the command that starts Python on a node,
    ``null`` for the one in use.
    """

    requeues: int
    signal_seconds: int
    python: str | None
    resources: StageResources

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least("launch.requeues", self.requeues, 0)
        check_least("launch.signal_seconds", self.signal_seconds, 1)

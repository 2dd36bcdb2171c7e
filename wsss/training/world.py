"""The processes that train together, and which of them this one is."""

from __future__ import annotations

import os
from dataclasses import dataclass

from wsss.errors import UserError


@dataclass(frozen=True)
class World:
    """One of ``size`` processes that were started together, by SLURM or torchrun."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    node_rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process writes; the others only train along."""
        return self.rank == 0

    @classmethod
    def of_environment(cls) -> World:
        """The world that SLURM or torchrun tells of; alone where neither does."""
        for names in (
            ("RANK", "WORLD_SIZE", "LOCAL_RANK", "GROUP_RANK"),
            ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_NODEID"),
        ):
            if all(name in os.environ for name in names):
                return cls(*(int(os.environ[name]) for name in names))
        return cls()


ALONE = World()


def training_world(devices: int, num_nodes: int) -> World:
    """The world of a training on ``devices`` of each of ``num_nodes``.

    Raises:
        UserError: as many processes were not started.
    """
    wanted = devices * num_nodes
    if wanted == 1:
        return ALONE
    world = World.of_environment()
    if world.size != wanted:
        raise UserError(
            f"trainer.devices={devices} and trainer.num_nodes={num_nodes} need {wanted} processes, "
            f"started: {world.size}; use launch=slurm, or "
            f"torchrun --nproc-per-node={devices} -m wsss.pipelines ..."
        )
    return world

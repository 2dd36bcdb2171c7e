"""The processes that train together, and the index of this one."""

from __future__ import annotations

import os
from dataclasses import dataclass

from wsss.errors import UserError


@dataclass(frozen=True)
class World:
    """One of ``size`` processes that were started together, by SLURM or torchrun."""

    rank: int = 0
    """Index of this process among all of them."""
    size: int = 1
    """Number of processes."""
    local_rank: int = 0
    """Index of this process on its node."""
    node_rank: int = 0
    """Index of its node."""

    @property
    def leads(self) -> bool:
        """Whether this process writes files; the others only train."""
        return self.rank == 0

    @classmethod
    def of_environment(cls) -> World:
        """The world described by SLURM or torchrun; a single process without them."""
        for names in (
            ("RANK", "WORLD_SIZE", "LOCAL_RANK", "GROUP_RANK"),
            ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_NODEID"),
        ):
            if all(name in os.environ for name in names):
                return cls(*(int(os.environ[name]) for name in names))
        return cls()


ALONE = World()


def training_world(devices: int, num_nodes: int) -> World:
    """The world of a training on ``devices`` devices of each of ``num_nodes`` nodes.

    Raises:
        UserError: a different number of processes was started.
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

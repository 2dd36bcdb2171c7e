"""The address at which processes that train together connect."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from wsss.atomic import replacing
from wsss.training.world import World

_RENDEZVOUS_SECONDS = 600.0


def cluster_environment(world: World, folder: Path) -> ClusterEnvironment:
    """Lightning's description of the processes.

    Lightning's own class for SLURM is not used, since it requeues jobs itself.

    Args:
        world: the processes, and the index of this one.
        folder: a folder that all processes see.
    """
    if world.size == 1:
        return LightningEnvironment()
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return TorchElasticEnvironment()
    return _SharedFolderEnvironment(world, folder, os.environ)


class _SharedFolderEnvironment(ClusterEnvironment):
    """The leading process picks a free port and writes it into a shared folder."""

    def __init__(self, world: World, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__()
        self._world = world
        # A requeued job has the same id, but must not read the file of its previous attempt.
        attempt = f"{environment.get('SLURM_JOB_ID')}_{environment.get('SLURM_RESTART_COUNT', '0')}"
        path = folder / f"rendezvous_{attempt}"
        if world.leads:
            host = environment.get("SLURMD_NODENAME") or socket.gethostname()
            with replacing(path) as partial:
                partial.write_text(f"{host} {_free_port()}")
        self._address, port = _wait_for(path).split()
        self._port = int(port)

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return self._address

    @property
    def main_port(self) -> int:
        return self._port

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self._world.size

    def set_world_size(self, size: int) -> None:
        pass

    def global_rank(self) -> int:
        return self._world.rank

    def set_global_rank(self, rank: int) -> None:
        pass

    def local_rank(self) -> int:
        return self._world.local_rank

    def node_rank(self) -> int:
        return self._world.node_rank


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(path: Path) -> str:
    """The content of a file, once the leading process has written it."""
    deadline = time.monotonic() + _RENDEZVOUS_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the leading process did not write {path}")
        time.sleep(0.1)
    return path.read_text()

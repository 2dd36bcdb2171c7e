"""A real SLURM, where there is one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.cluster import Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """SLURM for the outputs in ``tmp_path``, whose jobs are cancelled afterwards.

    Skips where there is no SLURM. Tests in other processes may use the same one meanwhile.
    """
    if shutil.which("sbatch") is None:
        pytest.skip("no sbatch on PATH: SLURM is not installed")
    if subprocess.run(["squeue", "-h"], capture_output=True, timeout=60).returncode:
        pytest.skip("squeue fails: SLURM is installed but not running")
    cluster = Cluster(tmp_path)
    yield cluster
    if left := cluster.queued():
        subprocess.run(["scancel", *left], check=True)

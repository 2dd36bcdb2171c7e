"""A real SLURM, where there is one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.cluster import Cluster, queued


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """SLURM with nothing of ours in its queue afterwards; skips where there is none."""
    if shutil.which("sbatch") is None:
        pytest.skip("no sbatch on PATH: SLURM is not installed")
    if subprocess.run(["squeue", "-h"], capture_output=True, timeout=60).returncode:
        pytest.skip("squeue fails: SLURM is installed but not running")
    before = set(queued())
    yield Cluster(tmp_path)
    left = set(queued()) - before
    if left:
        subprocess.run(["scancel", *left], check=True)

"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

# Workers of pytest-xdist share the cores: one thread each, and threads that wait do not spin.
# PyTorch reads both when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
from helpers import tiny
from helpers.once import made_once
from hypothesis import settings

from wsss.tracking.mlflow_client import connect, prepare_mlflow

pytest_plugins = ["helpers.small_datasets"]

settings.register_profile("check", max_examples=60, deadline=None, derandomize=True)
settings.register_profile("full", max_examples=1000, deadline=None, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "check"))

SLOW_FIXTURES = {"finished", "server", "cluster"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what needs a finished experiment, a tracking server or SLURM."""
    for item in items:
        if SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outputs of one tiny experiment that ran through all six stages; not to be written to."""
    return made_once(tmp_path_factory, "finished", tiny.run)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables, for tests to copy: making one takes seconds."""

    def make(folder: Path) -> None:
        prepare_mlflow()
        connect(f"sqlite:///{folder}/mlflow.db")

    return made_once(tmp_path_factory, "database", make) / "mlflow.db"

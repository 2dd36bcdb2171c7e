"""Fixtures that several tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import tiny

pytest_plugins = ["helpers.small_datasets"]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outputs of one tiny experiment that ran through all six stages; not to be written to."""
    outputs = tmp_path_factory.mktemp("finished")
    tiny.run(outputs)
    return outputs

"""Runs of a sweep are found by its name, on disk and in MLflow."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from helpers import tiny
from helpers.command_line import run_main

from wsss.tracking.mlflow_client import connect

pytestmark = pytest.mark.slow

QUICK = ("stage=train", "trainer.max_epochs=0", "seed=0,1")


def test_sweeps_of_the_command_line(
    uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "outputs"
    arguments = tiny.command(outputs, "-m", *QUICK, f"tracking.uri={uri}", tracking="mlflow")[3:]
    later = [a.replace("seed=0,1", "seed=1,2") for a in arguments]
    again = "hydra.sweep.dir=${paths.outputs}/sweeps/again"

    assert run_main(arguments, capsys)[0] == 0
    first = json.loads(_sweeps(outputs, 0).read_text())
    assert len(first) == 1 and re.fullmatch(r"[\d-]{10}_[\d-]{15}", first[0])
    assert json.loads(_sweeps(outputs, 1).read_text()) == first, "one name for all points"
    assert _tags(uri) == {"train": {first[0]}, "experiment": {first[0]}}

    for _ in range(2):
        assert run_main([*later, again], capsys)[0] == 0
    assert json.loads(_sweeps(outputs, 0).read_text()) == first
    assert json.loads(_sweeps(outputs, 1).read_text()) == [*first, "again"]
    assert json.loads(_sweeps(outputs, 2).read_text()) == ["again"]
    assert _tags(uri)["experiment"] == {first[0], "again"}

    single = [a for a in arguments if a != "-m" and not a.startswith("seed=")]
    assert run_main([*single, "seed=3"], capsys)[0] == 0
    assert not _sweeps(outputs, 3).exists()


def _sweeps(outputs: Path, seed: int) -> Path:
    """The list of sweeps in the run directory of a seed."""
    configs = outputs.glob("runs/*/config.json")
    (run_dir,) = (p.parent for p in configs if json.loads(p.read_text())["seed"] == seed)
    return run_dir / "sweeps.json"


def _tags(uri: str) -> dict[str, set[str | None]]:
    """Names of sweeps in MLflow, by stage."""
    found: dict[str, set[str | None]] = {}
    for run in connect(uri).search_runs(["1"]):
        tags = run.data.tags
        found.setdefault(tags.get("stage", "experiment"), set()).add(tags.get("sweep"))
    return found

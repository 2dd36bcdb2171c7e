"""The database lies in the folder that was named, whatever its name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.tracking_config import tracking_config

from wsss.tracking.config import resolve_uri
from wsss.tracking.mlflow_client import connect, experiment_id, prepare_mlflow
from wsss.tracking.sqlite_uri import sqlite_path

NAMES = ["plain", "a?b%41#c d", "50%20", "what?mode=ro", "[x] é", "a&b=c;d"]


@pytest.mark.parametrize("name", NAMES)
def test_a_real_database_in_an_odd_folder(name: str, tmp_path: Path, empty_database: Path) -> None:
    database = tmp_path / name / "mlflow.db"
    database.parent.mkdir()
    shutil.copyfile(empty_database, database)
    prepare_mlflow()

    uri = tracking_config(f"sqlite:///{database}").resolved_uri()
    client = connect(uri)
    run = client.create_run(experiment_id(client, uri, "mine"))
    client.log_text(run.info.run_id, "text", "note.txt")

    assert resolve_uri(uri) == uri and sqlite_path(uri) == database
    assert database.read_bytes() != empty_database.read_bytes()
    assert len(list(database.parent.glob("mlartifacts/**/note.txt"))) == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]

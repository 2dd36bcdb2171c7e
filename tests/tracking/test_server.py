"""Mirroring to a real server that is down at first, and dies in mid-run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.tracking_config import tracking_config
from helpers.tracking_server import Server
from helpers.waiting import wait_for

from wsss.tracking import Tracker, tracker
from wsss.tracking.__main__ import main
from wsss.tracking.cursor import CURSOR_FILE
from wsss.tracking.mlflow_client import connect


def test_server_down_killed_and_restarted(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tracker, "_POLL_SECONDS", 0.2)
    monkeypatch.setattr(tracker, "_SLOWEST_POLL_SECONDS", 0.5)
    outputs = tmp_path / "outputs"
    run_dir = outputs / "run"
    live = Tracker.open(run_dir, tracking_config(server.uri, 0.5))

    def log_steps(first: int, last: int) -> None:
        for step in range(first, last):
            live.log.metrics("train", {"loss": step / 7, "lr": step}, step)

    live.log.start_run("experiment", "experiment")
    live.log.start_run("train", "train", parent="experiment")
    live.log.params("train", {"lr": 0.1})
    log_steps(0, 300)
    wait_for(lambda: "events wait on disk" in capfd.readouterr().err)
    assert not _sent(run_dir)["runs"]

    server.start()
    wait_for(lambda: "train" in _sent(run_dir)["runs"])
    before = _sent(run_dir)["offset"]
    log_steps(300, 400)
    wait_for(lambda: _sent(run_dir)["offset"] > before)
    server.kill()
    log_steps(400, 600)
    live.log.metrics("train", {"bad": float("nan"), "worse": float("inf")}, 0)
    live.log.artifact("train", run_dir / "events.jsonl", "local")
    live.log.end_run("train")
    live.log.end_run("experiment")
    live.close()
    out, err = capfd.readouterr()
    assert out == "" and f"python -m wsss.tracking sync {run_dir}" in err
    assert main(["sync", str(outputs), "--uri", server.uri]) == 1

    server.start()
    assert main(["sync", str(outputs), "--uri", server.uri]) == 0
    _check(server.uri)
    (run_dir / CURSOR_FILE).unlink()
    assert main(["sync", str(outputs), "--uri", server.uri]) == 0
    _check(server.uri)


def _sent(run_dir: Path) -> dict[str, Any]:
    """What the server has, as the cursor on disk tells."""
    path = run_dir / CURSOR_FILE
    cursor: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"runs": {}}
    return cursor


def _check(uri: str) -> None:
    client = connect(uri)
    experiment = client.get_experiment_by_name("wsss")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    runs = {r.info.run_name: r for r in found}
    assert len(found) == 2
    assert {r.info.status for r in runs.values()} == {"FINISHED"}
    train = runs["train"]
    assert train.data.tags["mlflow.parentRunId"] == runs["experiment"].info.run_id
    losses = client.get_metric_history(train.info.run_id, "loss")
    assert sorted((m.step, m.value) for m in losses) == [(s, s / 7) for s in range(600)]
    assert len(client.get_metric_history(train.info.run_id, "lr")) == 600
    (bad,) = client.get_metric_history(train.info.run_id, "bad")
    assert bad.value != bad.value
    assert len(client.get_metric_history(train.info.run_id, "worse")) == 1
    assert client.list_artifacts(train.info.run_id, "local")[0].path == "local/events.jsonl"

"""Mirroring to a real server that is down at first, and dies in mid-run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wsss.tracking import Tracker, TrackingConfig, tracker
from wsss.tracking.__main__ import main
from wsss.tracking.cursor import CURSOR_FILE
from wsss.tracking.mlflow_client import connect


class _Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        store = ["--backend-store-uri", f"sqlite:///{self.folder}/server.db"]
        store += ["--artifacts-destination", str(self.folder / "artifacts")]
        place = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *store, *place],
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},  # half the time
            )
        _wait_for(self.is_up)

    def is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=30)
            self.process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[_Server]:
    (tmp_path / "server").mkdir()
    server = _Server(tmp_path / "server")
    yield server
    server.kill()


def _wait_for(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def test_server_down_killed_and_restarted(
    server: _Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(tracker, "_POLL_SECONDS", 0.2)
    monkeypatch.setattr(tracker, "_SLOWEST_POLL_SECONDS", 0.5)
    outputs = tmp_path / "outputs"
    run_dir = outputs / "run"
    live = Tracker.open(run_dir, TrackingConfig("mlflow", server.uri, "wsss", 0.5))
    slowest = 0.0

    def log_steps(first: int, last: int, pause: float = 0.0) -> None:
        nonlocal slowest
        for step in range(first, last):
            start = time.monotonic()
            live.log.metrics("train", {"loss": step / 7, "lr": step}, step)
            slowest = max(slowest, time.monotonic() - start)
            time.sleep(pause)

    live.log.start_run("experiment", "experiment")
    live.log.start_run("train", "train", parent="experiment")
    live.log.params("train", {"lr": 0.1})
    log_steps(0, 300)
    time.sleep(1.0)  # let the thread fail at least once
    assert not _train_is_started(run_dir)

    server.start()
    _wait_for(lambda: _train_is_started(run_dir))
    log_steps(300, 400, 0.01)
    server.kill()
    log_steps(400, 600, 0.002)
    live.log.metrics("train", {"bad": float("nan"), "worse": float("inf")}, 0)
    live.log.artifact("train", run_dir / "events.jsonl", "local")
    live.log.end_run("train")
    live.log.end_run("experiment")
    start = time.monotonic()
    live.close()
    assert time.monotonic() - start < 5.0
    assert slowest < 2.0
    out, err = capfd.readouterr()
    assert out == "" and f"python -m wsss.tracking sync {run_dir}" in err
    assert main(["sync", str(outputs)]) == 1

    server.start()
    assert main(["sync", str(outputs)]) == 0
    _check(server.uri)
    (run_dir / CURSOR_FILE).unlink()
    assert main(["sync", str(outputs)]) == 0
    _check(server.uri)


def _train_is_started(run_dir: Path) -> bool:
    path = run_dir / CURSOR_FILE
    return path.exists() and "train" in json.loads(path.read_text())["runs"]


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

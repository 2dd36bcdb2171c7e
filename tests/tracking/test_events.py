"""The local record: complete without MLflow, readable after a crash."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.tracking_config import tracking_config

from wsss.errors import UserError
from wsss.tracking import EVENTS_FILE, RunLog, Tracker, read_events
from wsss.tracking.__main__ import main
from wsss.tracking.config import without_credentials


def _events(run_dir: Path) -> list[dict[str, object]]:
    return [event for event, _ in read_events(run_dir / EVENTS_FILE)]


def test_none_writes_events_only(tmp_path: Path) -> None:
    config = tracking_config("")
    with Tracker.open(tmp_path / "run", config) as tracker:
        tracker.log.start_run("train", "Train", tags={"seed": 0})
        tracker.log.params("train", {"lr": 0.1})
        tracker.log.metrics("train", {"loss": math.nan, "f1": 0.1, "gap": -math.inf}, step=3)
        tracker.log.artifact("train", tmp_path / "run" / "a.txt")
        tracker.log.end_run("train", "FAILED")
    assert [p.name for p in (tmp_path / "run").iterdir()] == [EVENTS_FILE]
    events = _events(tmp_path / "run")
    assert [e["kind"] for e in events] == ["open", "start", "params", "metrics", "artifact", "end"]
    assert events[3]["values"] == {"loss": "nan", "f1": 0.1, "gap": "-inf"}
    assert events[4]["path"] == "a.txt"
    assert main(["sync", str(tmp_path)]) == 0, "a run tracked to none is not sent unasked"


def test_import_does_not_import_mlflow() -> None:
    code = "import sys, wsss.tracking, wsss.tracking.__main__; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_torn_and_unfinished_lines(tmp_path: Path) -> None:
    log = RunLog(tmp_path, "wsss", "")
    log.close()
    with (tmp_path / EVENTS_FILE).open("a") as file:
        file.write('{"kind": "metr')
    assert [e["kind"] for e in _events(tmp_path)] == ["open"]
    log = RunLog(tmp_path, "wsss", "")
    log.start_run("train", "Train")
    log.close()
    assert [e["kind"] for e in _events(tmp_path)] == ["open", "damaged", "open", "start"]


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    log = RunLog(tmp_path, "wsss", "")

    def write() -> None:
        for i in range(200):
            log.metrics("a", {"x" * 50: i}, i)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    lines = (tmp_path / EVENTS_FILE).read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 801


def test_repeated_steps_are_recorded_once(tmp_path: Path) -> None:
    for first, last in ((0, 3), (2, 6)):  # killed before the checkpoint of step 2
        log = RunLog(tmp_path, "wsss", "")
        assert log.is_open("train") == (first > 0)
        log.start_run("train", "Train")
        for step in range(first, last):
            log.metrics("train", {"loss": 1 / (step + 1), "bad": math.nan}, step)
            log.metrics("prune", {"loss": 1 / (step + 1)}, step)
    log.metrics("train", {"loss": 5.0, "bad": math.nan}, 5)
    log.end_run("train")
    assert not log.is_open("train")
    log.close()
    found = [e for e in _events(tmp_path) if e["kind"] == "metrics" and e["run"] == "train"]
    assert [e["step"] for e in found] == [0, 1, 2, 3, 4, 5, 5], "another value is news"


@pytest.mark.parametrize(
    "values",
    [
        {"name": "wandb"},
        {"uri": "outputs/mlruns"},
        {"uri": "file:///tmp/mlruns"},
        {"experiment": ""},
        {"flush_seconds": -1.0},
        {"system_metrics_seconds": 0.0},
    ],
)
def test_bad_config(values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UserError, match="tracking"):
        replace(tracking_config("http://x"), **values)


def test_uri(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    config = tracking_config("sqlite:///outputs/mlflow.db")
    assert config.resolved_uri() == f"sqlite:///{tmp_path}/outputs/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000/")
    assert config.resolved_uri() == "http://host:5000"
    assert tracking_config("").resolved_uri() == ""
    assert without_credentials("https://me:secret@host:1/x") == "https://host:1/x"


@pytest.mark.parametrize(
    "arguments",
    [[], ["send"], ["sync"], ["sync", "/no/such/dir"], ["sync", ".", "--uri", "mlruns"]],
)
def test_bad_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1

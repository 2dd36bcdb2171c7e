"""Mirroring into a sqlite file: complete, exactly once, resumable."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from helpers.tracking_config import tracking_config

from wsss.tracking import RunLog, Tracker
from wsss.tracking.__main__ import main
from wsss.tracking.cursor import CURSOR_FILE, Cursor
from wsss.tracking.mlflow_client import connect
from wsss.tracking.mlflow_mirror import MlflowMirror


def _log_everything(log: RunLog, run_dir: Path) -> None:
    log.start_run("experiment", "an experiment", tags={"note": "x" * 9000})
    log.params("experiment", {"seed": 0, "long": "y" * 9000})
    log.start_run("train", "train", parent="experiment")
    for step in range(30):
        log.metrics("train", {"loss": 1 / (step + 1), "mAP (val)": step}, step)
        log.metrics("experiment", {"done": step}, step)
    log.metrics("train", {"bad": math.nan, "worse": math.inf}, 0)
    (run_dir / "figures").mkdir(exist_ok=True)
    (run_dir / "figures" / "map.txt").write_text("figure")
    log.artifact("train", run_dir / "figures", "figures")
    log.artifact("train", run_dir / "gone.txt")
    log.end_run("train")
    log.end_run("experiment", "FAILED")


def _check_everything(uri: str) -> None:
    client = connect(uri)
    experiment = client.get_experiment_by_name("wsss")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    runs = {r.info.run_name: r for r in found}
    assert len(found) == 2
    assert set(runs) == {"an experiment", "train"}
    parent, train = runs["an experiment"], runs["train"]
    assert (parent.info.status, train.info.status) == ("FAILED", "FINISHED")
    assert train.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.data.params == {"seed": "0", "long": "y" * 6000}

    def history(run: str, name: str) -> list[tuple[int, float]]:
        values = client.get_metric_history(runs[run].info.run_id, name)
        return sorted((m.step, m.value) for m in values)

    assert history("train", "loss") == [(s, 1 / (s + 1)) for s in range(30)]
    assert history("train", "mAP _val_") == [(s, s) for s in range(30)]
    assert history("an experiment", "done") == [(s, s) for s in range(30)]
    (bad,) = history("train", "bad")
    assert math.isnan(bad[1])
    assert history("train", "worse")[0][1] > 1e308
    assert [f.path for f in client.list_artifacts(train.info.run_id, "figures")] == [
        "figures/map.txt"
    ]


def test_end_to_end(uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_dir = tmp_path / "runs" / "1"
    with Tracker.open(run_dir, tracking_config(uri, 60.0)) as tracker:
        _log_everything(tracker.log, run_dir)
    _check_everything(uri)
    assert (tmp_path / "mlartifacts").is_dir()
    out, err = capfd.readouterr()
    assert out == "" and "refused 1 values" in err and "gone.txt" in err and "wait" not in err


def test_resume_continues_the_same_run(uri: str, tmp_path: Path) -> None:
    config = tracking_config(uri, 60.0)
    for attempt, status in enumerate(["FAILED", "FINISHED"]):
        with Tracker.open(tmp_path / "run", config) as tracker:
            tracker.log.start_run("train", "train")
            tracker.log.params("train", {"lr": 0.1, "attempt": attempt})
            tracker.log.metrics("train", {"loss": 1.0}, attempt)
            tracker.log.end_run("train", status)  # type: ignore[arg-type]
    client = connect(uri)
    (run,) = client.search_runs(["1"])
    assert run.info.status == "FINISHED"
    assert run.data.params == {"lr": "0.1", "attempt": "0"}, "params keep their first value"
    assert [m.step for m in client.get_metric_history(run.info.run_id, "loss")] == [0, 1]


def test_crash_between_send_and_cursor(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = tmp_path / "run"
    log = RunLog(run_dir, "wsss", uri)
    _log_everything(log, run_dir)
    log.close()
    save, crashes, done = Cursor.save, 0, False

    def crash_once_each(cursor: Cursor, folder: Path) -> None:
        if cursor.offset not in seen:
            seen.add(cursor.offset)
            raise InterruptedError
        save(cursor, folder)

    seen: set[int] = set()
    monkeypatch.setattr(Cursor, "save", crash_once_each)
    while not done:
        try:
            MlflowMirror(run_dir, uri, [run_dir]).ship()
            done = True
        except InterruptedError:
            crashes += 1
    assert crashes > 60, "every single send was repeated"
    _check_everything(uri)
    (run_dir / CURSOR_FILE).unlink()
    assert main(["sync", str(tmp_path)]) == 0
    _check_everything(uri)


def test_sync(uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = tmp_path / "runs" / "1"
    log = RunLog(run_dir, "wsss", uri)
    _log_everything(log, run_dir)
    log.close()
    RunLog(tmp_path / "runs" / "2", "wsss", "").close()
    with FileLock(run_dir / "mlflow_cursor.lock"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("wsss.tracking.mlflow_mirror._LOCK_SECONDS", 0.1)
        assert main(["sync", str(tmp_path)]) == 1
    assert "another process is sending" in capsys.readouterr().out
    assert main(["sync", str(tmp_path)]) == 0
    first, named, last = capsys.readouterr().out.splitlines()
    assert named == "  not sent: gone.txt: No such file or directory"
    assert first.startswith(f"{run_dir}: 69 events sent")
    assert last == "2 run directories, 69 events sent, 0 wait"
    _check_everything(uri)
    assert main(["sync", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "2 run directories, 0 events sent, 0 wait\n"


def test_lost_database_is_told_again(uri: str, empty_database: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    log = RunLog(run_dir, "wsss", uri)
    _log_everything(log, run_dir)
    MlflowMirror(run_dir, uri, [run_dir]).ship()
    connect(uri)._tracking_client.store.engine.dispose()
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    log.end_run("experiment", "FAILED")
    log.close()
    MlflowMirror(run_dir, uri, [run_dir]).ship()
    _check_everything(uri)


_WORKERS = """
import multiprocessing, sys
from pathlib import Path
from wsss.tracking import Tracker, TrackingConfig
from wsss.tracking.mlflow_client import prepare_mlflow

def work(run_dir, started):
    config = TrackingConfig("mlflow", sys.argv[1], "wsss", 150.0, None, False, [])
    started.wait()
    with Tracker.open(run_dir, config) as tracker:
        tracker.log.start_run("experiment", run_dir.name)
        tracker.log.start_run("train", "train", parent="experiment")
        for step in range(100):
            tracker.log.metrics("train", {"loss": step / 7, "lr": step}, step)
        tracker.log.end_run("train")
        tracker.log.end_run("experiment")

# Imported once: that takes longer than all of the rest.
prepare_mlflow()
import mlflow.store.tracking.sqlalchemy_store
context = multiprocessing.get_context("fork")
started = context.Barrier(len(sys.argv) - 2)
workers = [context.Process(target=work, args=(Path(p), started)) for p in sys.argv[2:]]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
sys.exit(any(worker.exitcode for worker in workers))
"""


@pytest.mark.slow
def test_eight_processes_on_a_fresh_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    uri = f"sqlite:///{tmp_path}/new/folder/mlflow.db"
    run_dirs = [tmp_path / "runs" / str(number) for number in range(8)]
    done = subprocess.run(
        [sys.executable, "-c", _WORKERS, uri, *map(str, run_dirs)],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert main(["sync", str(tmp_path), "--uri", uri]) == 0, "nothing waits"
    client = connect(uri)
    runs = client.search_runs(["1"])
    parents = {r.info.run_id: r.info.run_name for r in runs if r.info.run_name != "train"}
    assert sorted(parents.values()) == [folder.name for folder in run_dirs]
    trainings = [r for r in runs if r.info.run_name == "train"]
    assert {r.data.tags["mlflow.parentRunId"] for r in trainings} == set(parents)
    assert {r.info.status for r in runs} == {"FINISHED"} and len(runs) == 16
    for run in trainings:
        for name, divisor in (("loss", 7), ("lr", 1)):
            values = client.get_metric_history(run.info.run_id, name)
            assert sorted((m.step, m.value) for m in values) == [
                (step, step / divisor) for step in range(100)
            ]

"""What sync does with a folder that somebody else made."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.tracking_config import tracking_config

from wsss.config.composing import compose_config
from wsss.errors import UserError
from wsss.tracking import EVENTS_FILE, RunLog, Tracker
from wsss.tracking.__main__ import main
from wsss.tracking.artifact_store import check_store
from wsss.tracking.cursor import CURSOR_FILE
from wsss.tracking.destination import home_uri
from wsss.tracking.mlflow_client import connect, prepare_mlflow


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def outputs(tmp_path: Path, empty_database: Path) -> Path:
    """An outputs folder with its own database; beside it lies a file that nobody may have."""
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    shutil.copy(empty_database, outputs / "mlflow.db")
    (tmp_path / "secret.txt").write_text("secret")
    return outputs


def a_run(outputs: Path, *files: str, uri: str | None = None) -> Path:
    """A run directory whose events name these files."""
    run_dir = outputs / "runs" / "toy"
    log = RunLog(run_dir, "wsss", home_uri(outputs) if uri is None else uri)
    log.start_run("train", "train")
    for file in files:
        log._append("artifact", run="train", path=file, folder=None)
    log.end_run("train")
    log.close()
    return run_dir


def stored(outputs: Path) -> set[str]:
    """Names of the files in MLflow's folder of artifacts."""
    return {path.name for path in (outputs / "mlartifacts").rglob("*") if path.is_file()}


def _link(run_dir: Path) -> str:
    (run_dir / "link.txt").symlink_to(run_dir.parents[2] / "secret.txt")
    return "link.txt"


def _link_in_folder(run_dir: Path) -> str:
    (run_dir / "figures").mkdir()
    (run_dir / "figures" / "secret.png").symlink_to(run_dir.parents[2] / "secret.txt")
    return "figures"


def _fifo(run_dir: Path) -> str:
    os.mkfifo(run_dir / "pipe")
    return "pipe"


def _zeros(run_dir: Path) -> str:
    (run_dir / "zeros").symlink_to("/dev/zero")
    return "zeros"


def _artifacts_elsewhere(run_dir: Path) -> str:
    (run_dir.parents[1] / "artifacts").symlink_to(run_dir.parents[2])
    return "../../artifacts/secret.txt"


@pytest.mark.parametrize(
    "make",
    [
        lambda run_dir: str(run_dir.parents[2] / "secret.txt"),
        lambda run_dir: "../../../secret.txt",
        lambda run_dir: "../../mlflow.db",
        lambda run_dir: "/dev/zero",
        _link,
        _link_in_folder,
        _fifo,
        _zeros,
        _artifacts_elsewhere,
    ],
    ids=[
        *("absolute", "dots", "beside the run", "device", "link", "link in a folder", "fifo"),
        *("link to a device", "linked artifacts"),
    ],
)
def test_only_files_of_the_run_are_sent(
    make: Callable[[Path], str], outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = a_run(outputs)
    (run_dir / "own.txt").write_text("own")
    named = make(run_dir)
    a_run(outputs, named, "own.txt")

    assert main(["sync", str(outputs)]) == 0

    assert stored(outputs) == {"own.txt"}
    out = capsys.readouterr().out
    assert Path(named).name in out
    assert "lies outside the run's files" in out or "is not a regular file" in out


def test_runs_and_artifacts_move_together(
    outputs: Path, tmp_path: Path, empty_database: Path
) -> None:
    manifest = outputs / "artifacts" / "train" / "ab" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    run_dir = a_run(outputs)
    log = RunLog(run_dir, "wsss", home_uri(outputs))
    log.artifact("train", manifest)
    log.close()
    moved = outputs.rename(tmp_path / "moved")

    assert main(["sync", str(moved)]) == 0

    assert stored(moved) == {"manifest.json"} and not outputs.exists()


@pytest.mark.parametrize(
    "uri", ["http://stranger:5000", "sqlite:////{tmp}/new/mlflow.db", "'; rm -rf ~"]
)
def test_a_uri_of_a_record_is_not_followed(
    uri: str, outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (outputs / "mlflow.db").unlink()
    a_run(outputs, uri=uri.format(tmp=tmp_path))

    assert main(["sync", str(outputs)]) == 1

    out, err = capsys.readouterr()
    assert "which is not configured here; to send there add --uri " in err
    assert err.startswith("left out: ") and err.count("\n") == 1
    assert "0 events sent" in out
    assert {path.name for path in tmp_path.iterdir()} == {"outputs", "secret.txt"}
    assert [path.name for path in outputs.iterdir()] == ["runs"]


def test_the_database_of_the_outputs_is_the_default(tmp_path: Path) -> None:
    config = compose_config(f"paths.outputs={tmp_path}")
    assert config.tracking.resolved_uri() == home_uri(tmp_path)


def test_a_configured_uri_is_followed(
    outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(outputs, uri="http://stranger:5000")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", home_uri(outputs))

    assert main(["sync", str(outputs)]) == 0

    (run,) = connect(home_uri(outputs)).search_runs(["1"])
    assert run.info.run_name == "train"


@pytest.mark.parametrize("name", ["mlflow.db", "mlflow.db.lock", "mlflow.db-journal"])
def test_the_database_of_the_folder_is_no_link(
    name: str, outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_run(outputs)
    (outputs / name).unlink(missing_ok=True)
    (outputs / name).symlink_to(tmp_path / "secret.txt")

    assert main(["sync", str(outputs)]) == 1

    assert f"{name} is not a regular file" in capsys.readouterr().err
    assert (tmp_path / "secret.txt").read_text() == "secret"


def test_a_database_does_not_choose_where_files_are_written(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare_mlflow()
    victim = tmp_path / "home"
    connect(home_uri(outputs)).create_experiment("wsss", victim.as_uri())
    (a_run(outputs) / "authorized_keys").write_text("ssh-rsa")
    a_run(outputs, "authorized_keys")

    assert main(["sync", str(outputs)]) == 0

    assert "outside its own folder" in capsys.readouterr().out
    assert not victim.exists()


@pytest.mark.parametrize(
    ("store", "uri", "allowed"),
    [
        ("mlflow-artifacts:/1/ab/artifacts", "http://host:5000", True),
        ("mlflow-artifacts://host:5000/1/ab", "http://me:secret@host:5000", True),
        ("mlflow-artifacts://other/1/ab", "http://host:5000", False),
        ("http://other/1/ab", "http://host:5000", False),
        ("s3://bucket/1/ab", "https://host", True),
        ("sftp://other/1/ab", "https://host", False),
        ("file:///home/me/.ssh", "http://host:5000", False),
        ("/home/me/.ssh", "http://host:5000", False),
        ("{tmp}/mlartifacts/1", "sqlite:///{tmp}/mlflow.db", True),
        ("file://{tmp}/mlartifacts/1", "sqlite:///{tmp}/mlflow.db", True),
        ("{tmp}/../x", "sqlite:///{tmp}/mlflow.db", False),
        ("{tmp}/out", "sqlite:///{tmp}/mlflow.db", False),
        ("{tmp}/taken", "sqlite:///{tmp}/mlflow.db", False),
        ("s3://bucket/1/ab", "sqlite:///{tmp}/mlflow.db", False),
    ],
)
def test_where_artifacts_may_go(store: str, uri: str, allowed: bool, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "a.txt").symlink_to("/etc/passwd")
    place = (store.format(tmp=tmp_path), uri.format(tmp=tmp_path))
    if allowed:
        check_store(*place, None, Path("a.txt"))
    else:
        with pytest.raises(UserError, match="keeps artifacts (elsewhere|outside)"):
            check_store(*place, None, Path("a.txt"))


@pytest.mark.parametrize(
    "make",
    [
        lambda path: os.mkfifo(path),
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.mkdir(),
    ],
    ids=["fifo", "link to a device", "link", "folder"],
)
@pytest.mark.parametrize("name", [EVENTS_FILE, CURSOR_FILE])
def test_records_that_are_no_files_do_not_hold_up_the_others(
    make: Callable[[Path], object],
    name: str,
    outputs: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    odd = a_run(outputs).rename(outputs / "runs" / "odd")
    (odd / name).unlink(missing_ok=True)
    make(odd / name)
    a_run(outputs)

    main(["sync", str(outputs)])

    out, err = capsys.readouterr()
    assert f"{outputs / 'runs' / 'toy'}: 3 events sent" in out
    assert err.count("left out: ") == (name == EVENTS_FILE and not (odd / name).is_dir())


@pytest.fixture
def dripping() -> Iterator[str]:
    """URI of a server that answers a byte at a time, for ever."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not over.wait(0.02):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # closed below
                    return
                threading.Thread(target=drip, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)


def test_a_server_that_drips_is_given_up(
    dripping: str, outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_run(outputs).rename(outputs / "runs" / "first")
    a_run(outputs)

    assert main(["sync", str(outputs), "--uri", dripping, "--timeout", "0.5"]) == 1

    out = capsys.readouterr().out
    assert f"2 wait (no answer from {dripping} within 0.5 s)" in out
    assert f"3 wait (no answer from {dripping})" in out, "it is not asked twice"


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "x"])
def test_a_bad_time_limit(seconds: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sync", str(tmp_path), f"--timeout={seconds}"]) == 2
    assert "--timeout" in capsys.readouterr().err


def test_the_hint_after_a_run_names_what_to_trust(
    outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Tracker.open(outputs / "runs" / "toy", tracking_config(uri, 0.0)) as tracker:
            tracker.log.start_run("train", "train")
    assert f"sync {outputs / 'runs' / 'toy'} --uri {uri}` sends them" in capsys.readouterr().err


def test_events_are_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "run" / EVENTS_FILE).symlink_to(tmp_path / "secret.txt")
    with pytest.raises(UserError, match="is a link"):
        RunLog(tmp_path / "run", "wsss", "")
    assert (tmp_path / "secret.txt").read_text() == "secret"


def test_locks_are_not_taken_through_a_link(outputs: Path, tmp_path: Path) -> None:
    (a_run(outputs) / "mlflow_cursor.lock").symlink_to(tmp_path / "secret.txt")
    assert main(["sync", str(outputs)]) == 1
    assert (tmp_path / "secret.txt").read_text() == "secret"

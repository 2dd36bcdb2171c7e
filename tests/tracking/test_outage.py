"""A server that dies in mid-training, and one that never answers: nothing is lost, all goes on."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import tiny
from helpers.paused_training import paused
from helpers.tracking_config import tracking_config
from helpers.tracking_server import Server
from helpers.waiting import wait_for

from wsss.tracking import EVENTS_FILE, Tracker, read_events, tracker
from wsss.tracking.__main__ import main
from wsss.tracking.cursor import CURSOR_FILE
from wsss.tracking.mlflow_client import connect

Value = tuple[str, int, float, int]
"""Name, step, value, time in ms."""


def test_server_killed_in_mid_training_gets_every_metric_later(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "outputs"
    server.start()
    command = tiny.command(
        outputs,
        "stage=train",
        "trainer.max_epochs=10",
        f"tracking.uri='{server.uri}'",
        "tracking.flush_seconds=0.5",
        tracking="mlflow",
    )
    gate = tmp_path / "server_is_dead"
    with paused(command, gate, step=4) as training:
        wait_for(lambda: training.poll() is not None or bool(_metrics_sent(outputs)))
        server.kill()
        before = len(_local(next(outputs.glob("runs/*"))))
        gate.touch()
        _, complaints = training.communicate(timeout=600)

    assert training.returncode == 0, complaints
    assert f"python -m wsss.tracking sync {outputs}" in complaints
    (run_dir,) = outputs.glob("runs/*")
    local = _local(run_dir)
    assert before < len(local), "the training had ended before the server was killed"
    server.start()
    assert main(["sync", str(outputs), "--uri", server.uri]) == 0
    assert _remote(server.uri, run_dir) == local
    assert set(Counter(local).values()) == {1}
    capsys.readouterr()
    assert main(["sync", str(outputs), "--uri", server.uri]) == 0
    assert capsys.readouterr().out == "1 run directories, 0 events sent, 0 wait\n"
    assert _remote(server.uri, run_dir) == local


def _metrics_sent(outputs: Path) -> int:
    """How many metric events the cursor has passed."""
    for cursor in outputs.glob(f"runs/*/{CURSOR_FILE}"):
        sent = json.loads(cursor.read_text())["offset"]
        events = read_events(cursor.with_name(EVENTS_FILE))
        return sum(e["kind"] == "metrics" for e, end in events if end <= sent)
    return 0


def _local(run_dir: Path) -> list[Value]:
    """Every metric value of stage train on disk, sorted."""
    return sorted(
        (name, event["step"], float(value), event["time"])
        for event, _ in read_events(run_dir / EVENTS_FILE)
        if event["kind"] == "metrics" and event["run"] == "train"
        for name, value in event["values"].items()
    )


def _remote(uri: str, run_dir: Path) -> list[Value]:
    """Every metric value of stage train on the server, sorted."""
    client = connect(uri)
    experiment = client.get_experiment_by_name("wsss")
    assert experiment is not None
    runs = {r.info.run_name: r for r in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {run_dir.name, f"train_{run_dir.name}"}
    assert {r.info.status for r in runs.values()} == {"FINISHED"}
    run = runs[f"train_{run_dir.name}"]
    return sorted(
        (m.key, m.step, m.value, m.timestamp)
        for name in run.data.metrics
        for m in client.get_metric_history(run.info.run_id, name)
    )


@pytest.fixture
def hanging() -> Iterator[tuple[str, list[socket.socket]]]:
    """URI of a server that accepts connections and never answers, and the connections so far."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    accepted.append(listener.accept()[0])
                except OSError:  # closed below
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", accepted
        listener.shutdown(socket.SHUT_RDWR)
    for connection in accepted:
        connection.close()


@pytest.mark.parametrize("flush_seconds", [0.0, 0.5])
def test_logging_goes_on_while_the_server_hangs(
    flush_seconds: float,
    hanging: tuple[str, list[socket.socket]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    monkeypatch.setattr(tracker, "_POLL_SECONDS", 0.05)
    uri, accepted = hanging
    live = Tracker.open(tmp_path, tracking_config(uri, flush_seconds))
    live.log.start_run("train", "train")
    wait_for(lambda: bool(accepted))  # from here on the shipping thread waits for an answer
    (shipping,) = (t for t in threading.enumerate() if t.name == "wsss-tracking")
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", _Forbidden)  # the shipping thread has its own by now
        for step in range(1000):
            live.log.metrics("train", {"loss": step}, step)

    # All of them were taken while one and the same request hung.
    assert len(_local(tmp_path)) == 1000
    assert len(accepted) == 1 and shipping.is_alive()
    live.close()
    assert shipping.is_alive(), "the end of a run waits for flush_seconds, not for the server"
    for connection in accepted:
        connection.close()
    shipping.join(timeout=300)  # it complains, in this test and not in a later one
    assert not shipping.is_alive()


class _Forbidden:
    def __init__(self, *arguments: object, **options: object) -> None:
        raise AssertionError("a log call touches the network")

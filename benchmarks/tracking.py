"""Cost of tracking: time of a training step while MLflow is up, dead or hanging.

Compares a step of a small U-Net, with five metrics logged after it, to one that is tracked to local
files only. The server runs on the same cores, so "up" includes its own load; every such pass checks
that metrics arrived.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import partial
from pathlib import Path

import torch
from torch.nn import functional as F

from benchmarks.results import Figure, Outcome
from wsss.models.unet import build_unet
from wsss.timing import ratios, threads, time_in_turn
from wsss.tracking import EVENTS_FILE, Tracker, TrackingConfig, read_events
from wsss.tracking.cursor import CURSOR_FILE

MOST = 1.05
STEPS = 1000
"""Steps of a pass, enough for several sends to the server, one every 2 seconds."""
NAMES = ("train/loss", "val/loss", "val/mAP", "dp_rate", "lr")
LOCAL, UP = "none (local files)", "up"


class Training:
    """Training of a small U-Net with a log call after each step."""

    def __init__(self, folder: Path, steps: int) -> None:
        self._folder, self._steps, self._runs = folder, steps, 0
        self._network = build_unet(13, 8, channels=[16, 32], residual_units=1)
        self._images = torch.rand(2, 13, 64, 64)
        self._labels = torch.randint(8, (2, 64, 64))
        self.calls: dict[str, list[float]] = {}

    def run(self, state: str, uri: str) -> None:
        """Run the steps of a pass in a new run directory."""
        self._runs += 1
        folder = self._folder / str(self._runs)
        name = "mlflow" if uri else "none"
        config = TrackingConfig(
            name=name,
            uri=uri,
            experiment="benchmark",
            flush_seconds=0.0,
            system_metrics_seconds=None,
            model=False,
            params=[],
        )
        with Tracker.open(folder, config) as tracker:
            tracker.log.start_run("train", state)
            for step in range(self._steps):
                F.cross_entropy(self._network(self._images), self._labels).backward()  # type: ignore[no-untyped-call]
                started = time.perf_counter()
                tracker.log.metrics("train", dict.fromkeys(NAMES, step / 7), step)
                self.calls.setdefault(state, []).append(time.perf_counter() - started)
        if state == UP and not metrics_sent(folder):
            raise RuntimeError("a pass ended before its first metrics were sent: more STEPS")


def measure(rounds: int, device: str) -> Outcome:
    """Ratios of steps, and time of a log call; always on the CPU."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    with (
        threads(1),
        redirect_stderr(io.StringIO()),  # trackers warn about the servers
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        hanging() as silent,
        serving(Path(name) / "server") as uri,
    ):
        training = Training(Path(name) / "runs", STEPS)
        uris = {LOCAL: "", UP: uri, "dead": "http://127.0.0.1:9", "hanging": silent}
        passes = {state: partial(training.run, state, uris[state]) for state in uris}
        seconds = time_in_turn(passes, rounds)
    figures = []
    for state, taken in seconds.items():
        case = f"server {state}"
        if state != LOCAL:
            share = ratios(taken, seconds[LOCAL])
            figures.append(Figure("step, tracked / local files", case, share, most=MOST))
        figures.append(Figure("step", case, [1e3 * s / STEPS for s in taken], "ms"))
        calls = training.calls[state]
        figures.append(Figure("log call", case, [1e6 * statistics.median(calls)], "us"))
        figures.append(Figure("log call, longest", case, [1e3 * max(calls)], "ms"))
    return Outcome(figures)


def metrics_sent(run_dir: Path) -> bool:
    """Whether any metric of a run was sent."""
    cursor = run_dir / CURSOR_FILE
    sent = json.loads(cursor.read_text("utf-8"))["offset"] if cursor.exists() else 0
    events = read_events(run_dir / EVENTS_FILE)
    return any(event["kind"] == "metrics" for event, end in events if end <= sent)


@contextmanager
def hanging() -> Iterator[str]:
    """URI of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """URI of an MLflow server that is up, with a store in ``folder``."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    arguments = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"]
    arguments += ["--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *arguments],
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        while not is_up(f"http://127.0.0.1:{port}/health"):
            if server.poll() is not None:
                sys.exit((folder / "log").read_text())
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def is_up(address: str) -> bool:
    """Whether a server answers at this address."""
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False

"""Tracking's cost: what a training step takes while MLflow is up, dead or hanging.

Command:  python -m benchmarks.tracking
Shows:    time of a step (a small U-Net's, with five metrics logged after it) and of the log call
          in it, for each state of the server, and the step's ratio to one that is tracked to local
          files alone. All states take turns in each of several rounds; the median ratio counts
Target:   ratios of at most 1.05: log calls only append to a file, whatever the server does
Cost:     about 3 minutes on 2 busy CPU cores

A server is started for it, on the same cores: what it takes itself is part of "up". It only
measures: the exit status is 0 whatever comes out.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch.nn import functional as F

from benchmarks.timing import time_in_turn
from wsss.models.unet import build_unet
from wsss.tracking import Tracker, TrackingConfig

TARGET = 1.05
NAMES = ("train/loss", "val/loss", "val/mAP", "dp_rate", "lr")
LOCAL = "none (local files)"


class Training:
    """Steps of a small U-Net, each followed by a log call."""

    def __init__(self, folder: Path, steps: int) -> None:
        self._folder, self._steps, self._runs = folder, steps, 0
        self._network = build_unet(13, 8, channels=[16, 32], residual_units=1)
        self._images = torch.rand(2, 13, 64, 64)
        self._labels = torch.randint(8, (2, 64, 64))
        self.calls: dict[str, list[float]] = {}

    def run(self, state: str, uri: str) -> None:
        """As many steps as a pass has, in a run directory of their own."""
        self._runs += 1
        name = "mlflow" if uri else "none"
        config = TrackingConfig(name, uri, "benchmark", 0.0, None, False, [])
        with Tracker.open(self._folder / str(self._runs), config) as tracker:
            tracker.log.start_run("train", state)
            for step in range(self._steps):
                F.cross_entropy(self._network(self._images), self._labels).backward()  # type: ignore[no-untyped-call]
                started = time.perf_counter()
                tracker.log.metrics("train", dict.fromkeys(NAMES, step / 7), step)
                self.calls.setdefault(state, []).append(time.perf_counter() - started)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=250, help="in a pass (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="(%(default)s)")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    with (
        redirect_stderr(io.StringIO()),  # what trackers say of the servers is known
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        hanging() as silent,
        serving(Path(name) / "server") as uri,
    ):
        training = Training(Path(name) / "runs", chosen.steps)
        uris = {LOCAL: "", "up": uri, "dead": "http://127.0.0.1:9", "hanging": silent}
        passes = {state: partial(training.run, state, uris[state]) for state in uris}
        seconds = time_in_turn(passes, chosen.rounds)
        report(seconds, training.calls, chosen.steps)


def report(
    seconds: Mapping[str, list[float]], calls: Mapping[str, list[float]], steps: int
) -> None:
    """Print the table, of the seconds of passes and of log calls."""
    table = Table("server", box=None, header_style="bold", pad_edge=False)
    for column in ("step, ms", "log call, us", "longest call, ms", "step's ratio"):
        table.add_column(column, justify="right")
    for state, taken in seconds.items():
        pairs = zip(taken, seconds[LOCAL], strict=True)
        ratio = statistics.median(ours / local for ours, local in pairs)
        logging = calls[state]
        table.add_row(
            state,
            f"{1e3 * statistics.median(taken) / steps:.2f}",
            f"{1e6 * statistics.median(logging):.0f}",
            f"{1e3 * max(logging):.1f}",
            f"{ratio:.3f}{'*' if ratio > TARGET else ' '}",
        )
    Console().print(table)
    print(f"target: ratios of at most {TARGET:.2f}; higher ones are marked with *")


@contextmanager
def hanging() -> Iterator[str]:
    """URI of a server that takes connections and never answers."""
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
    """Whether a server answers there."""
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    main()

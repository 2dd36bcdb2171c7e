"""The local record of a run: an append-only file of events, one JSON object per line."""

from __future__ import annotations

import json
import math
import os
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

EVENTS_FILE = "events.jsonl"

Event = dict[str, Any]
"""One line: ``kind`` (open, start, params, metrics, artifact, end), ``time`` in ms, and more."""

Status = Literal["FINISHED", "FAILED", "KILLED"]


def ending(error: BaseException) -> Status:
    """Status of a run that ``error`` ended: ``KILLED`` if it was stopped and can be resumed."""
    return "KILLED" if isinstance(error, SystemExit | KeyboardInterrupt) else "FAILED"


class RunLog:
    """Appends events to a run directory; each call is one write and is thread-safe.

    A run has a local key (``experiment``, or the name of a stage). `start_run` with a known key
    resumes that run. Metrics that a killed process recorded are not recorded again when its steps
    are repeated. Methods raise OSError if the disk refuses the write.

    Args:
        run_dir: the run directory, created if missing.
        experiment: name of the MLflow experiment.
        uri: tracking URI that the events are mirrored to, empty for none.
    """

    def __init__(self, run_dir: Path, experiment: str, uri: str) -> None:
        run_dir.mkdir(parents=True, exist_ok=True)
        self._dir = run_dir.absolute()
        self._lock = threading.Lock()
        self._file = os.open(self._dir / EVENTS_FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")  # a crash cut off the last line: start a new one
        self._before = {
            (event["run"], event["step"], name, value)
            for event in self.events("metrics")
            for name, value in event["values"].items()
        }
        # The first uid in the file counts; it makes the runs of this directory unique in MLflow.
        self._append("open", uid=uuid.uuid4().hex, experiment=experiment, uri=uri)

    def start_run(
        self,
        key: str,
        name: str,
        parent: str | None = None,
        tags: Mapping[str, object] | None = None,
    ) -> None:
        """Start a run, displayed as ``name``, as a child of the run ``parent``; or resume it."""
        texts = {str(k): str(v) for k, v in (tags or {}).items()}
        self._append("start", run=key, name=name, parent=parent, tags=texts)

    def params(self, key: str, values: Mapping[str, object]) -> None:
        """Record parameters of a run, as text."""
        self._append("params", run=key, values={str(k): str(v) for k, v in values.items()})

    def metrics(self, key: str, values: Mapping[str, float], step: int = 0) -> None:
        """Record metric values of a run at a step; NaN and infinities are allowed."""
        step = int(step)
        numbers = {str(k): _json_number(float(v)) for k, v in values.items()}
        new = {k: v for k, v in numbers.items() if (key, step, k, v) not in self._before}
        if new:
            self._append("metrics", run=key, values=new, step=step)

    def artifact(self, key: str, path: Path, folder: str | None = None) -> None:
        """Record a file or directory of a run, to be placed under ``folder`` in its artifacts."""
        path = path.absolute()
        if path.is_relative_to(self._dir):  # still valid after the run directory is moved
            path = path.relative_to(self._dir)
        self._append("artifact", run=key, path=str(path), folder=folder)

    def end_run(self, key: str, status: Status = "FINISHED") -> None:
        """End a run."""
        self._append("end", run=key, status=status)

    def events(self, *kinds: str) -> Iterator[Event]:
        """All recorded events of these kinds, in order."""
        return (e for e, _ in read_events(self._dir / EVENTS_FILE) if e["kind"] in kinds)

    def is_open(self, key: str) -> bool:
        """Whether a run was started, by any process, and has not ended."""
        last = [e["kind"] for e in self.events("start", "end") if e["run"] == key][-1:]
        return last == ["start"]

    def close(self) -> None:
        """Close the file; no event can be recorded afterwards."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._file = -1

    def _append(self, kind: str, **fields: object) -> None:
        event = {"kind": kind, "time": int(time.time() * 1000), **fields}
        data = (json.dumps(event, allow_nan=False) + "\n").encode()
        with self._lock:
            while data:
                data = data[os.write(self._file, data) :]


def read_events(path: Path, offset: int = 0) -> Iterator[tuple[Event, int]]:
    """Complete events from a byte offset on, each with the offset of its end.

    A damaged line yields an event of kind ``damaged``; a line still being written yields nothing.
    """
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            yield _parse(line), offset


def _parse(line: bytes) -> Event:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    return event if isinstance(event, dict) and "kind" in event else {"kind": "damaged"}


def _json_number(value: float) -> float | str:
    """The value, or text that ``float`` reads for NaN and infinities, which JSON lacks."""
    return value if math.isfinite(value) else str(value)

"""The local record of a run: an append-only file of events, one JSON object a line."""

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
    """How a run ended that was left by ``error``: what is only stopped goes on later."""
    return "KILLED" if isinstance(error, SystemExit | KeyboardInterrupt) else "FAILED"


class RunLog:
    """Appends events to a run directory; each call is one write, safe from several threads.

    A run is named by a local key ("experiment", a stage name). `start_run` of a key that the
    directory already knows resumes that run. What a process that was killed has recorded already
    is not recorded again when its steps are repeated. Raises OSError if the disk refuses the write.
    """

    def __init__(self, run_dir: Path, experiment: str, uri: str) -> None:
        """Open or create the record; `experiment` and `uri` ("" for none) say where it mirrors."""
        run_dir.mkdir(parents=True, exist_ok=True)
        self._dir = run_dir.absolute()
        self._lock = threading.Lock()
        self._file = os.open(self._dir / EVENTS_FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")  # a crash tore the last line: keep the next one whole
        self._before = {
            (event["run"], event["step"], name, value)
            for event in self.events("metrics")
            for name, value in event["values"].items()
        }
        # The first uid in the file counts: it makes the runs of this directory unique in MLflow.
        self._append("open", uid=uuid.uuid4().hex, experiment=experiment, uri=uri)

    def start_run(
        self,
        key: str,
        name: str,
        parent: str | None = None,
        tags: Mapping[str, object] | None = None,
    ) -> None:
        """Start run `key` (shown as `name`) below the run `parent`, or resume it."""
        texts = {str(k): str(v) for k, v in (tags or {}).items()}
        self._append("start", run=key, name=name, parent=parent, tags=texts)

    def params(self, key: str, values: Mapping[str, object]) -> None:
        """Record parameters of run `key`, as text."""
        self._append("params", run=key, values={str(k): str(v) for k, v in values.items()})

    def metrics(self, key: str, values: Mapping[str, float], step: int = 0) -> None:
        """Record metric values of run `key` at `step`; NaN and infinities are kept as such."""
        step = int(step)
        numbers = {str(k): _json_number(float(v)) for k, v in values.items()}
        new = {k: v for k, v in numbers.items() if (key, step, k, v) not in self._before}
        if new:
            self._append("metrics", run=key, values=new, step=step)

    def artifact(self, key: str, path: Path, folder: str | None = None) -> None:
        """Record a file or folder of run `key`, to appear under `folder` in its artifacts."""
        path = path.absolute()
        if path.is_relative_to(self._dir):  # survives a move of the run directory
            path = path.relative_to(self._dir)
        self._append("artifact", run=key, path=str(path), folder=folder)

    def end_run(self, key: str, status: Status = "FINISHED") -> None:
        """End run `key`."""
        self._append("end", run=key, status=status)

    def events(self, *kinds: str) -> Iterator[Event]:
        """What is on record of these kinds, from the first event on."""
        return (e for e, _ in read_events(self._dir / EVENTS_FILE) if e["kind"] in kinds)

    def is_open(self, key: str) -> bool:
        """Whether run `key` was started and has not ended, whichever process did so."""
        last = [e["kind"] for e in self.events("start", "end") if e["run"] == key][-1:]
        return last == ["start"]

    def close(self) -> None:
        """Close the file; no event can follow."""
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
    """Complete events from byte `offset` on, each with the offset behind it.

    A damaged line comes as an event of kind "damaged"; a line still being written does not come.
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
    """JSON has no NaN and no infinities: they become text that `float` reads."""
    return value if math.isfinite(value) else str(value)

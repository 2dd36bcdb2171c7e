"""The local record of a run: an append-only file of events, one JSON object per line."""

from __future__ import annotations

import json
import math
import os
import stat
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from wsss.errors import UserError
from wsss.records import open_record
from wsss.tracking.destination import is_at_home
from wsss.tracking.event_kinds import Event, parse_event
from wsss.tracking.places import stored_path

EVENTS_FILE = "events.jsonl"
_MOST_BYTES, _LONGEST_LINE = 2**30, 2**22

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
        self._file = _open_for_appending(self._dir / EVENTS_FILE)
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")  # a crash cut off the last line: start a new one
        self._before = {
            (event["run"], event["step"], name, value)
            for event in self.events("metrics")
            for name, value in event["values"].items()
        }
        # The first uid in the file counts; it makes the runs of this directory unique in MLflow.
        at_home = is_at_home(uri, self._dir)
        self._append("open", uid=uuid.uuid4().hex, experiment=experiment, uri=uri, at_home=at_home)

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
        """Record a file or directory of a run, to be placed under ``folder`` in its artifacts.

        It is sent if it lies in one of the `wsss.tracking.places.run_places`.
        """
        self._append("artifact", run=key, path=stored_path(path, self._dir), folder=folder)

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

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is no regular file, or too large.
    """
    with open_record(path, _MOST_BYTES) as file:
        file.seek(offset)
        while line := file.readline(_LONGEST_LINE):
            offset += len(line)
            start = line
            while len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                line = file.readline(_LONGEST_LINE)  # skip what no event is as long as
                offset += len(line)
            if not line.endswith(b"\n"):
                return
            yield parse_event(line if line is start else b""), offset


def _open_for_appending(path: Path) -> int:
    """A descriptor of the file, created if missing; `UserError` for a link or a device."""
    try:
        number = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        if path.is_symlink():
            raise UserError(f"{path} is a link; events are written only to a file") from error
        raise
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise UserError(f"{path} is not a regular file")
    return number


def _json_number(value: float) -> float | str:
    """The value, or text that ``float`` reads for NaN and infinities, which JSON lacks."""
    return value if math.isfinite(value) else str(value)

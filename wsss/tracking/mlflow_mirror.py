"""Ships the events of one run directory to MLflow, in order, each exactly once.

The cursor is written after each send. If a crash comes between the two, the send is repeated, and
that changes nothing: MLflow's SQL store (behind sqlite and behind the server alike) keeps one row
per metric name, step, timestamp and value; equal params are accepted; a run is looked up by its
unique tag before it is created; artifacts overwrite themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from wsss.tracking.config import without_credentials
from wsss.tracking.cursor import Cursor
from wsss.tracking.events import EVENTS_FILE, Event, read_events
from wsss.tracking.mlflow_client import connect
from wsss.tracking.mlflow_sender import METRICS_PER_BATCH, Sender

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_LOCK_SECONDS = 30.0


class MlflowMirror:
    """The way from one run directory to one tracking URI; use from one thread."""

    def __init__(self, run_dir: Path, uri: str) -> None:
        """Nothing is opened or sent before `ship`."""
        self.run_dir = run_dir
        self._events = run_dir / EVENTS_FILE
        self._uri = uri
        self._client: MlflowClient | None = None

    def cursor(self) -> Cursor:
        """How far the directory has been sent, as written on disk."""
        size = self._events.stat().st_size
        return Cursor.load(self.run_dir, without_credentials(self._uri), size)

    def pending(self) -> int:
        """How many events wait."""
        return sum(1 for _ in read_events(self._events, self.cursor().offset))

    def ship(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Send what waits, until `stop()` is true; returns the number of events sent.

        Raises whatever MLflow raises when it cannot be reached, or filelock.Timeout while another
        process ships this directory; what was sent by then is not sent again.
        """
        from mlflow.exceptions import MlflowException

        if self.cursor().offset == self._events.stat().st_size:
            return 0
        if self._client is None:
            self._client = connect(self._uri)
        with FileLock(self.run_dir / "mlflow_cursor.lock", timeout=_LOCK_SECONDS):
            cursor = self.cursor()
            try:
                return self._ship_from(cursor, self._client, stop)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST" or not cursor.runs:
                    raise
                # The server lost the runs (a new database): tell it everything again.
                cursor = Cursor(cursor.uri)
                cursor.save(self.run_dir)
                return self._ship_from(cursor, self._client, stop)

    def _ship_from(self, cursor: Cursor, client: MlflowClient, stop: Callable[[], bool]) -> int:
        sent = 0
        for group, end in _grouped(read_events(self._events, cursor.offset)):
            if stop():
                break
            Sender(self.run_dir, self._uri, client, cursor).send(group)
            cursor.offset = end
            cursor.save(self.run_dir)
            sent += len(group)
        return sent


def _grouped(events: Iterable[tuple[Event, int]]) -> Iterator[tuple[list[Event], int]]:
    """Neighbouring metric events of one run together, up to a batch; others alone."""
    group: list[Event] = []
    count = end = 0
    for event, offset in events:
        size = len(event["values"]) if event["kind"] == "metrics" else METRICS_PER_BATCH
        together = group and event.get("run") == group[0].get("run")
        if group and not (together and count + size <= METRICS_PER_BATCH):
            yield group, end
            group, count = [], 0
        group.append(event)
        count += size
        end = offset
    if group:
        yield group, end

"""Sends the events of one run directory to MLflow, in order and exactly once.

The cursor is written after each send. If the process dies in between, the send is repeated,
which is harmless: MLflow's SQL store, SQLite or server, keeps one row per metric name, step,
timestamp and value; it accepts equal params; a run is looked up by its unique tag before it is
created; artifacts are overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from wsss.tracking.config import without_credentials
from wsss.tracking.cursor import Cursor
from wsss.tracking.event_kinds import Event
from wsss.tracking.events import EVENTS_FILE, read_events
from wsss.tracking.mlflow_client import connect
from wsss.tracking.mlflow_sender import METRICS_PER_BATCH, Sender

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_LOCK_SECONDS = 30.0


class MlflowMirror:
    """Mirrors one run directory to one tracking URI; not thread-safe.

    Nothing is opened or sent before `ship`.

    Args:
        run_dir: absolute path of the run directory.
        uri: tracking URI.
        places: absolute paths of the folders whose files may be sent.
    """

    def __init__(self, run_dir: Path, uri: str, places: Sequence[Path]) -> None:
        self.run_dir = run_dir
        self.refusals: list[str] = []
        """Why something was not sent, in order."""
        self._places = places
        self._events = run_dir / EVENTS_FILE
        self.uri = uri
        self._client: MlflowClient | None = None

    def cursor(self) -> Cursor:
        """How far the directory has been sent, read from disk."""
        size = self._events.stat().st_size
        return Cursor.load(self.run_dir, without_credentials(self.uri), size)

    def pending(self) -> int:
        """Number of events that have not been sent."""
        return sum(1 for _ in read_events(self._events, self.cursor().offset))

    def ship(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Send all pending events, unless ``stop()`` becomes true.

        Events that were sent before an error are not sent again.

        Returns:
            the number of events sent.

        Raises:
            filelock.Timeout: another process sends this directory.
            Exception: any error of MLflow, such as an unreachable server.
        """
        from mlflow.exceptions import MlflowException

        if self.cursor().offset == self._events.stat().st_size:
            return 0
        if self._client is None:
            self._client = connect(self.uri)
        with FileLock(self.run_dir / "mlflow_cursor.lock", timeout=_LOCK_SECONDS):
            cursor = self.cursor()
            try:
                return self._ship_from(cursor, self._client, stop)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST" or not cursor.runs:
                    raise
                # The server lost the runs (a new database): send everything again.
                cursor = Cursor(cursor.uri)
                cursor.save(self.run_dir)
                return self._ship_from(cursor, self._client, stop)

    def _ship_from(self, cursor: Cursor, client: MlflowClient, stop: Callable[[], bool]) -> int:
        sent = 0
        sender = Sender(self.run_dir, self.uri, client, cursor=cursor, places=self._places)
        sender.refusals = self.refusals
        for group, end in _grouped(read_events(self._events, cursor.offset)):
            if stop():
                break
            sender.send(group)
            cursor.offset = end
            cursor.save(self.run_dir)
            sent += len(group)
        return sent


def _grouped(events: Iterable[tuple[Event, int]]) -> Iterator[tuple[list[Event], int]]:
    """Group consecutive metric events of a run into batches; other events stay single."""
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

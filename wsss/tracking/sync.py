"""Sends events that trackers could not send during their runs."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from wsss.errors import UserError
from wsss.tracking.config import without_credentials
from wsss.tracking.destination import configured_uri, home_of
from wsss.tracking.events import EVENTS_FILE, read_events
from wsss.tracking.mlflow_client import prepare_mlflow
from wsss.tracking.mlflow_mirror import MlflowMirror
from wsss.tracking.places import places_without_links
from wsss.tracking.tracker import brief

_MOST_REFUSALS = 20


@dataclass(frozen=True)
class Synced:
    """Result of one run directory: events sent, events pending, and lines to print."""

    sent: int
    waiting: int
    lines: list[str]


class Syncer:
    """Sends pending events of run directories, one after another.

    Args:
        outputs: the folder that the user named.
        uri: where to send; ``None`` for the configured URI, see `wsss.tracking.destination`.
        patience_s: the longest that one request, such as a file, may take. A server that exceeds it
            is not asked again.
    """

    def __init__(self, outputs: Path, uri: str | None, patience_s: float) -> None:
        self._outputs, self._uri, self._patience = outputs.absolute(), uri, patience_s
        self._silent: set[str] = set()

    def send(self, run_dir: Path) -> Synced | None:
        """Send the pending events of a run directory; ``None`` if there are none.

        A run with ``tracking=none`` is sent only if a URI is given.

        Raises:
            UserError: the events cannot be read, or ask for a URI that is not configured.
        """
        uri = self._destination(run_dir)
        if uri is None:
            return None
        mirror = MlflowMirror(run_dir, uri, places_without_links(run_dir))
        before = mirror.pending()
        if not before:
            return None
        prepare_mlflow()
        reason = self._ship(mirror, uri)
        waiting, refused = mirror.pending(), mirror.cursor().refused
        line = f"{run_dir}: {before - waiting} events sent"
        if waiting:
            line += f", {waiting} wait ({reason or 'recorded meanwhile'})"
        told = list(dict.fromkeys(mirror.refusals))
        if refused:
            line += f", {refused} values were refused"
            line += ":" if told else f" (the last: {mirror.cursor().refusal})"
        lines = [line, *(f"  not sent: {reason}" for reason in told[:_MOST_REFUSALS])]
        return Synced(before - waiting, waiting, lines)

    def _destination(self, run_dir: Path) -> str | None:
        recorded, at_home = "", False
        for event, _ in read_events(run_dir / EVENTS_FILE):
            if event["kind"] == "open":
                recorded, at_home = event["uri"], event.get("at_home") is True
        if not recorded and self._uri is None:
            return None
        homes = [home for home in (home_of(run_dir), self._outputs) if home is not None]
        return configured_uri(recorded, homes, at_home=at_home, given=self._uri)

    def _ship(self, mirror: MlflowMirror, uri: str) -> str:
        """Send; the reason if something could not be sent.

        In another thread, since a server that answers byte by byte outlasts the time limits of
        single reads.
        """
        if uri in self._silent:
            return f"no answer from {without_credentials(uri)}"
        reasons: list[str] = []
        watch = _Watch()

        def ship() -> None:
            try:
                mirror.ship(watch)
            except Timeout:
                reasons.append("another process is sending them")
            except Exception as error:  # an error in one directory must not stop the others
                reasons.append(brief(error))

        thread = threading.Thread(target=ship, name="wsss-sync", daemon=True)
        thread.start()
        while thread.is_alive():
            left = watch.at + self._patience - time.monotonic()
            if left <= 0:
                watch.given_up = True
                self._silent.add(uri)
                return f"no answer from {without_credentials(uri)} within {self._patience:g} s"
            thread.join(left)
        return reasons[0] if reasons else ""


class _Watch:
    """Called before each request: notes the time, and says whether to stop."""

    def __init__(self) -> None:
        self.at, self.given_up = time.monotonic(), False

    def __call__(self) -> bool:
        self.at = time.monotonic()
        return self.given_up


def find_run_dirs(outputs: Path) -> list[Path]:
    """All directories with events at or below ``outputs``; `UserError` if it is not a directory."""
    if not outputs.is_dir():
        raise UserError(f"{outputs}: no such directory; give the outputs directory of some runs")
    found = []
    for folder, subfolders, files in os.walk(outputs):
        subfolders[:] = [name for name in subfolders if name != "mlartifacts"]
        if EVENTS_FILE in files:
            found.append(Path(folder).absolute())
    return sorted(found)

"""Sends events that trackers could not send during their runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from filelock import Timeout

from wsss.errors import UserError
from wsss.tracking.config import resolve_uri
from wsss.tracking.events import EVENTS_FILE, read_events
from wsss.tracking.mlflow_client import prepare_mlflow
from wsss.tracking.mlflow_mirror import MlflowMirror
from wsss.tracking.tracker import brief


@dataclass(frozen=True)
class Synced:
    """Result of one run directory: events sent, events pending, and a line to print."""

    sent: int
    waiting: int
    line: str


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


def sync_run_dir(run_dir: Path, uri: str | None) -> Synced | None:
    """Send the pending events of a run directory; ``None`` if there are none.

    Args:
        run_dir: the run directory.
        uri: where to send; ``None`` for MLFLOW_TRACKING_URI or else the recorded URI. A run with
            ``tracking=none`` is sent only if a URI is given.
    """
    recorded = ""
    for event, _ in read_events(run_dir / EVENTS_FILE):
        recorded = event["uri"] if event["kind"] == "open" else recorded
    if uri is None and recorded:
        uri = os.environ.get("MLFLOW_TRACKING_URI") or recorded
    if not uri:
        return None
    mirror = MlflowMirror(run_dir, resolve_uri(uri))
    before = mirror.pending()
    if not before:
        return None
    prepare_mlflow()
    reason = ""
    try:
        mirror.ship()
    except Timeout:
        reason = "another process is sending them"
    except Exception as error:  # an error in one directory must not stop the others
        reason = brief(error)
    waiting, refused = mirror.pending(), mirror.cursor().refused
    line = f"{run_dir}: {before - waiting} events sent"
    if waiting:
        line += f", {waiting} wait ({reason or 'recorded meanwhile'})"
    if refused:
        line += f", MLflow refused {refused} values ({mirror.cursor().refusal})"
    return Synced(before - waiting, waiting, line)

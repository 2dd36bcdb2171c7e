"""Sends what live trackers could not."""

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
    """What became of one run directory: events sent, events that wait, a line that says so."""

    sent: int
    waiting: int
    line: str


def find_run_dirs(outputs: Path) -> list[Path]:
    """Every directory at or below `outputs` that has events; raises `UserError` if it is none."""
    if not outputs.is_dir():
        raise UserError(f"{outputs}: no such directory; give the outputs directory of some runs")
    found = []
    for folder, subfolders, files in os.walk(outputs):
        subfolders[:] = [name for name in subfolders if name != "mlartifacts"]
        if EVENTS_FILE in files:
            found.append(Path(folder).absolute())
    return sorted(found)


def sync_run_dir(run_dir: Path, uri: str | None) -> Synced | None:
    """Send the events of `run_dir` that wait; None if none do.

    `uri` None: MLFLOW_TRACKING_URI, else where the run was to go. A run that was tracked to
    "none" is sent only to an explicit `uri`.
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
    except Exception as error:  # one directory's trouble must not stop the others
        reason = brief(error)
    waiting, refused = mirror.pending(), mirror.cursor().refused
    line = f"{run_dir}: {before - waiting} events sent"
    if waiting:
        line += f", {waiting} wait ({reason or 'new since'})"
    if refused:
        line += f", MLflow refused {refused} values ({mirror.cursor().refusal})"
    return Synced(before - waiting, waiting, line)

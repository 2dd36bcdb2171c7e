"""Tracking of runs: events are recorded in the run directory and mirrored to MLflow.

`Tracker` appends events to ``events.jsonl`` in the run directory and sends them to MLflow from a
background thread. Importing this package does not import mlflow.
"""

from __future__ import annotations

from wsss.tracking.config import TrackingConfig
from wsss.tracking.event_kinds import Event
from wsss.tracking.events import EVENTS_FILE, RunLog, ending, read_events
from wsss.tracking.tracker import Tracker

__all__ = ["EVENTS_FILE", "Event", "RunLog", "Tracker", "TrackingConfig", "ending", "read_events"]

"""Where runs are tracked: the config group ``tracking``, and tracking URIs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from wsss.checks import check_between, check_positive
from wsss.errors import UserError
from wsss.tracking.sqlite_uri import PREFIX, sqlite_path, sqlite_uri

_LONGEST_WAIT = 1e6  # seconds


@dataclass(frozen=True)
class TrackingConfig:
    """How runs are tracked; `UserError` for an invalid value."""

    name: str
    """``mlflow``, or ``none`` for local events only."""
    uri: str
    """MLflow tracking URI, or ``sqlite:///`` and the path of a file, in which no character has a
    meaning; the environment variable MLFLOW_TRACKING_URI takes precedence."""
    experiment: str
    """Name of the MLflow experiment."""
    flush_seconds: float
    """The longest that `Tracker.close` waits for MLflow, in seconds."""
    system_metrics_seconds: float | None
    """Seconds between samples of `wsss.tracking.system_metrics`; ``None`` for no samples."""
    model: bool
    """Export the segmenter as an MLflow model, see `wsss.export.mlflow_model`."""
    params: list[str]
    """Keys and groups of the config that are logged as params."""

    def __post_init__(self) -> None:
        if self.name not in ("mlflow", "none"):
            raise UserError(f"tracking.name={self.name}: choose mlflow or none")
        seconds = self.system_metrics_seconds
        try:
            check_between("tracking.flush_seconds", self.flush_seconds, 0, _LONGEST_WAIT)
            check_positive("tracking.system_metrics_seconds", seconds)
            check_between("tracking.system_metrics_seconds", seconds, 0, _LONGEST_WAIT)
        except ValueError as error:
            raise UserError(str(error)) from error
        if self.name == "mlflow":
            if not self.experiment:
                raise UserError("tracking.experiment is empty: give the MLflow experiment a name")
            self.resolved_uri()

    def resolved_uri(self) -> str:
        """The URI to send to; empty if ``name`` is ``none``."""
        if self.name == "none":
            return ""
        if uri := os.environ.get("MLFLOW_TRACKING_URI"):
            return resolve_uri(uri)
        if self.uri.startswith(PREFIX):  # a path of any characters, often below paths.outputs
            return sqlite_uri(Path(self.uri.removeprefix(PREFIX)).absolute())
        return resolve_uri(self.uri)


def resolve_uri(uri: str) -> str:
    """The URI with an absolute SQLite path.

    Raises:
        UserError: a kind of URI that MLflow no longer accepts.
    """
    if "://" not in uri or uri.startswith("file:"):
        raise UserError(
            f"tracking URI {uri!r}: expected sqlite:///<file> or http(s)://<host>:<port>"
        )
    path = sqlite_path(uri)
    return uri.rstrip("/") if path is None else sqlite_uri(path)


def without_credentials(uri: str) -> str:
    """The URI without ``user:password@``, safe to print or write to disk."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

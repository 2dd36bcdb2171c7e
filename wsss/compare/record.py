"""Logging a comparison to MLflow."""

from __future__ import annotations

import socket
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from wsss.compare.comparison import Comparison
from wsss.compare.runs import Run
from wsss.errors import UserError
from wsss.runs.finding import outputs_of
from wsss.tracking import EVENTS_FILE, RunLog, Tracker, TrackingConfig
from wsss.tracking.config import without_credentials
from wsss.tracking.cursor import CURSOR_FILE

NAME = "compare"
_SQLITE = "sqlite:///"
_ANSWER_SECONDS, _MOST_SECONDS = 1.0, 10.0


def tracking_of(runs: Sequence[Run]) -> TrackingConfig | None:
    """The tracking settings of most of the runs; ``None`` if no run was tracked.

    A database in an outputs folder is expected in that folder's present location.

    Raises:
        UserError: a run has no valid tracking config.
    """
    found: Counter[tuple[str, str, float]] = Counter()
    for run in runs:
        try:
            told = run.config["tracking"]
            if told["name"] == "mlflow":
                uri = _moved(str(told["uri"]), run)
                found[uri, str(told["experiment"]), float(told["flush_seconds"])] += 1
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{run.path}: its config has no usable tracking ({error!r})") from error
    if not found:
        return None
    ((uri, experiment, seconds), _), *_ = found.most_common()
    return TrackingConfig(
        name="mlflow",
        uri=uri,
        experiment=experiment,
        flush_seconds=seconds,
        system_metrics_seconds=None,
        model=False,
        params=[],
    )


def record(comparison: Comparison, files: Sequence[Path], folder: Path) -> None:
    """Log means and files as a separate run in the experiment of the runs.

    If the server does not answer, events stay in ``folder/tracking``, and a line on standard error
    tells how to send them.
    """
    try:
        config = tracking_of([run for row in comparison.rows for run in row.runs])
        if config is None:
            return
        directory = folder / "tracking"
        for name in (
            EVENTS_FILE,
            CURSOR_FILE,
        ):  # of an earlier comparison, whose files were overwritten
            (directory / name).unlink(missing_ok=True)
        uri = config.resolved_uri()
        if _answers(uri):
            seconds = min(config.flush_seconds, _MOST_SECONDS)
            with Tracker.open(directory, replace(config, flush_seconds=seconds)) as tracker:
                _log(comparison, files, tracker.log)
            return
        shown = without_credentials(uri)
        log = RunLog(directory, config.experiment, shown)
        _log(comparison, files, log)
        log.close()
        wait = f"`python -m wsss.tracking sync {directory}` sends the comparison"
        print(f"tracking: MLflow at {shown} does not answer; {wait}", file=sys.stderr)
    except (UserError, OSError) as error:
        print(f"tracking: comparison not logged: {error}", file=sys.stderr)


def _log(comparison: Comparison, files: Sequence[Path], log: RunLog) -> None:
    columns, rows = comparison.columns, comparison.rows
    log.start_run(NAME, NAME, tags={"kind": NAME})
    log.params(
        NAME,
        {
            "metric": comparison.metric,
            "baseline": rows[comparison.baseline].label(columns),
            "runs": sum(len(row.runs) for row in rows),
        },
    )
    means = {
        # MLflow allows no = in a name
        f"{metric}/{row.label(columns).replace('=', ':')}": statistics.fmean(scores.values())
        for row in rows
        for metric in comparison.metrics
        if (scores := row.scores(metric))
    }
    log.metrics(NAME, means)
    for file in files:
        log.artifact(NAME, file)
    log.end_run(NAME)


def _answers(uri: str) -> bool:
    """Whether a server listens; checked first because MLflow is slow to time out."""
    address = urlsplit(uri)
    if address.scheme not in ("http", "https"):  # a database
        return True
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname or "", port), _ANSWER_SECONDS).close()
    except (OSError, ValueError):  # no server, or an invalid port
        return False
    return True


def _moved(uri: str, run: Run) -> str:
    """A run's tracking URI; a database below its outputs folder moves with that folder."""
    outputs = Path(str(run.config.get("paths", {}).get("outputs", "")))
    database = Path(uri.removeprefix(_SQLITE))
    now = outputs_of(run.path)
    inside = outputs != Path() and database.is_relative_to(outputs)
    if now is None or not (uri.startswith(_SQLITE) and inside):
        return uri
    return f"{_SQLITE}{now.absolute() / database.relative_to(outputs)}"

"""Logging a comparison to MLflow."""

from __future__ import annotations

import shutil
import socket
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from wsss.compare.comparison import Comparison
from wsss.compare.runs import Run
from wsss.errors import UserError
from wsss.records import entry, is_inside
from wsss.runs.layout import CONFIG, outputs_of
from wsss.terminal import visible
from wsss.tracking import EVENTS_FILE, RunLog, Tracker, TrackingConfig
from wsss.tracking.config import without_credentials
from wsss.tracking.cursor import CURSOR_FILE
from wsss.tracking.destination import configured_uri, home_uri

NAME = "compare"
_ANSWER_SECONDS, _MOST_SECONDS = 1.0, 10.0


def tracking_of(runs: Sequence[Run], given: str | None = None) -> TrackingConfig | None:
    """The tracking settings of most of the runs; ``None`` if no run was tracked.

    Args:
        runs: the runs compared.
        given: the option ``--uri``.

    Raises:
        UserError: a run has no valid tracking config, or the runs name a URI that is not configured
            here, see `wsss.tracking.destination`.
    """
    found = Counter(told for run in runs if (told := _told(run)) is not None)
    if not found:
        return None
    ((told, _), *_) = found.most_common()
    uri = configured_uri(told.uri, told.homes, at_home=told.at_home, given=given)
    return TrackingConfig(
        name="mlflow",
        uri=uri,
        experiment=told.experiment,
        flush_seconds=_MOST_SECONDS,
        system_metrics_seconds=None,
        model=False,
        params=[],
    )


def record(
    comparison: Comparison, files: Sequence[Path], folder: Path, given: str | None = None
) -> None:
    """Log means and files as a separate run in the experiment of the runs.

    If the server does not answer, events stay in ``folder/tracking``, and a line on standard error
    tells how to send them. ``given`` is the option ``--uri``.
    """
    try:
        config = tracking_of([run for row in comparison.rows for run in row.runs], given)
        if config is None:
            return
        directory = _emptied(folder, files)
        copies = [Path(shutil.copyfile(file, directory / file.name)) for file in files]
        uri = config.uri
        if _answers(uri):
            with Tracker.open(directory, config, uri) as tracker:
                _log(comparison, copies, tracker.log)
            return
        shown = without_credentials(uri)
        log = RunLog(directory, config.experiment, shown)
        _log(comparison, copies, log)
        log.close()
        wait = f"`python -m wsss.tracking sync {directory} --uri {shown}` sends the comparison"
        _say(f"MLflow at {shown} does not answer; {wait}")
    except (UserError, OSError) as error:
        _say(f"comparison not logged: {error}")


@dataclass(frozen=True)
class _Told:
    """What the config of a run says of its tracking."""

    uri: str
    experiment: str
    homes: tuple[Path, ...]
    at_home: bool


def _told(run: Run) -> _Told | None:
    """``None`` for a run that was not tracked."""
    file = run.path / CONFIG
    tracking = entry(run.config, "tracking", dict, file)
    if entry(tracking, "name", str, file) != "mlflow":
        return None
    uri = entry(tracking, "uri", str, file)
    outputs = entry(entry(run.config, "paths", dict, file), "outputs", str, file)
    now = outputs_of(run.path)
    return _Told(
        uri,
        entry(tracking, "experiment", str, file),
        () if now is None else (now.absolute(),),
        uri == f"sqlite:///{outputs}/mlflow.db" or uri == home_uri(Path(outputs)),
    )


def _emptied(folder: Path, files: Sequence[Path]) -> Path:
    """The folder of the events, without those and the copies of an earlier comparison."""
    directory = folder / "tracking"
    if not is_inside(directory, folder):
        raise UserError(f"{directory} is a link out of {folder}")
    directory.mkdir(exist_ok=True)
    for name in (EVENTS_FILE, CURSOR_FILE, *(file.name for file in files)):
        (directory / name).unlink(missing_ok=True)
    return directory


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


def _say(line: str) -> None:
    print(f"tracking: {visible(line)}", file=sys.stderr)

"""The local log of a run and a thread that mirrors it."""

from __future__ import annotations

import math
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

from wsss.tracking.config import TrackingConfig, without_credentials
from wsss.tracking.destination import is_at_home
from wsss.tracking.events import RunLog
from wsss.tracking.mlflow_client import prepare_mlflow
from wsss.tracking.mlflow_mirror import MlflowMirror
from wsss.tracking.places import run_places

_POLL_SECONDS = 2.0
_SLOWEST_POLL_SECONDS = 30.0
_CLOSING_POLL_SECONDS = 0.2


class Tracker:
    """Logging through ``log`` only appends to a file; a daemon thread sends to MLflow.

    No failure of MLflow reaches the caller. A context manager; create it with `Tracker.open`.
    """

    def __init__(self, log: RunLog, mirror: MlflowMirror | None, config: TrackingConfig) -> None:
        self.log = log
        self._mirror = mirror
        self._uri = "" if mirror is None else without_credentials(mirror.uri)
        self._flush_seconds = config.flush_seconds
        self._closing = threading.Event()
        self._deadline = math.inf
        self._thread = threading.Thread(target=self._follow, name="wsss-tracking", daemon=True)
        if mirror is not None:
            self._thread.start()

    @classmethod
    def open(cls, run_dir: Path, config: TrackingConfig, uri: str | None = None) -> Tracker:
        """Open a run directory, created if missing; `UserError` if mlflow is missing.

        ``uri`` is sent to instead of the config's.
        """
        uri = config.resolved_uri() if uri is None else uri
        if uri or config.model:
            prepare_mlflow(config.model)
        log = RunLog(run_dir, config.experiment, without_credentials(uri))
        run_dir = run_dir.absolute()
        return cls(log, MlflowMirror(run_dir, uri, run_places(run_dir)) if uri else None, config)

    def close(self, timeout_s: float | None = None) -> None:
        """Send pending events for at most ``timeout_s`` seconds, then stop.

        The default is the config's ``flush_seconds``. If events are still pending, a line on
        standard error tells how to send them.
        """
        self.log.close()
        if self._mirror is None or self._closing.is_set():
            return
        timeout = self._flush_seconds if timeout_s is None else timeout_s
        self._deadline = time.monotonic() + timeout
        self._closing.set()
        self._thread.join(timeout)
        where = self._mirror.run_dir
        waiting, cursor = self._mirror.pending(), self._mirror.cursor()
        if waiting:
            to = "" if is_at_home(self._uri, where) else f" --uri {self._uri}"
            _say(f"{waiting} events wait; `python -m wsss.tracking sync {where}{to}` sends them")
        if cursor.refused:
            _say(f"MLflow refused {cursor.refused} values of {where} ({cursor.refusal})")

    def __enter__(self) -> Tracker:
        """The tracker itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _follow(self) -> None:
        assert self._mirror is not None
        delay, told = _POLL_SECONDS, False
        while not self._expired():
            self._closing.wait(delay)
            last = self._closing.is_set()  # no event follows
            try:
                self._mirror.ship(self._expired)
                delay, told = _POLL_SECONDS, False
                if last:
                    return
            except Exception as error:  # training must continue
                delay = min(2 * delay, _SLOWEST_POLL_SECONDS)
                if not told and not last:
                    _say(f"MLflow at {self._uri} fails ({brief(error)}); events wait on disk")
                told = True
                if last:
                    time.sleep(_CLOSING_POLL_SECONDS)

    def _expired(self) -> bool:
        return time.monotonic() > self._deadline


def brief(error: Exception) -> str:
    """Type and first words of an error, on one line."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:160]}"


def _say(line: str) -> None:
    print(f"tracking: {line}", file=sys.stderr)

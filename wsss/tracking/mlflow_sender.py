"""Translates events to MLflow calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from wsss.errors import UserError
from wsss.tracking.artifact_store import check_store
from wsss.tracking.cursor import Cursor
from wsss.tracking.event_kinds import Event
from wsss.tracking.mlflow_client import experiment_id
from wsss.tracking.places import sendable_files

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

RUN_KEY_TAG = "wsss.run_key"
METRICS_PER_BATCH = 1000  # this and the next are the server's limits
_PARAMS_PER_BATCH = 100
_KEY_CHARS, _PARAM_CHARS, _TAG_CHARS = 250, 6000, 5000
_T = TypeVar("_T")


class Sender:
    """Translates events to MLflow calls and keeps the results in the cursor.

    Args:
        run_dir: the run directory that events are from.
        uri: tracking URI that the client is connected to.
        client: where to send.
        cursor: updated by `send`, not saved.
        places: folders whose files may be sent, see `wsss.tracking.places`.
    """

    def __init__(
        self,
        run_dir: Path,
        uri: str,
        client: MlflowClient,
        *,
        cursor: Cursor,
        places: Sequence[Path],
    ) -> None:
        self._run_dir, self._uri, self._client, self._cursor = run_dir, uri, client, cursor
        self._places = places
        self.refusals: list[str] = []
        """Why something was not sent, in order."""

    def send(self, group: list[Event]) -> None:
        """Send metric events of one run, or one other event."""
        event = group[0]
        kind, run = event["kind"], self._cursor.runs.get(event.get("run", ""), "")
        if kind == "open":
            self._cursor.uid = self._cursor.uid or event["uid"]
            self._cursor.experiment = self._cursor.experiment or event["experiment"]
        elif kind == "start" and self._cursor.uid:
            self._start(event, run)
        elif kind == "damaged" or not run:
            self._refuse(len(group), f"{kind} event without a started run")
        elif kind == "metrics":
            self._metrics(run, group)
        elif kind == "params":
            self._params(run, event)
        elif kind == "artifact":
            self._artifact(run, event)
        elif kind == "end":
            self._attempt(
                [event],
                lambda _: self._client.set_terminated(run, event["status"], end_time=event["time"]),
            )

    def _start(self, event: Event, run: str) -> None:
        from mlflow.entities import RunTag

        cursor, client, key = self._cursor, self._client, event["run"]
        run_key = cursor.uid + "/" + re.sub(r"[^\w./-]", "_", key)
        experiment = ""
        if not run:  # created before a crash that lost the cursor?
            experiment = experiment_id(client, self._uri, cursor.experiment)
            found = client.search_runs([experiment], f"tags.`{RUN_KEY_TAG}` = '{run_key}'")
            run = found[0].info.run_id if found else ""
        tags = {_name(k): v[:_TAG_CHARS] for k, v in event["tags"].items()}
        if run:
            cursor.runs[key] = run
            self._attempt([event], lambda _: client.update_run(run, status="RUNNING"))
            fresh = [RunTag(k, v) for k, v in tags.items()]  # may differ from earlier ones
            self._attempt(fresh, lambda part: client.log_batch(run, tags=part))
            return
        tags[RUN_KEY_TAG] = run_key
        if event["parent"] in cursor.runs:
            tags["mlflow.parentRunId"] = cursor.runs[event["parent"]]
        created = client.create_run(experiment, event["time"], tags, event["name"])
        cursor.runs[key] = created.info.run_id

    def _metrics(self, run: str, group: list[Event]) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(_name(name), float(value), event["time"], event["step"])
            for event in group
            for name, value in event["values"].items()
        ]
        for batch in _batches(metrics, METRICS_PER_BATCH):
            self._attempt(batch, lambda part: self._client.log_batch(run, metrics=part))

    def _params(self, run: str, event: Event) -> None:
        from mlflow.entities import Param

        texts = {_name(name): value[:_PARAM_CHARS] for name, value in event["values"].items()}
        params = [Param(name, value) for name, value in texts.items()]
        for batch in _batches(params, _PARAMS_PER_BATCH):
            self._attempt(batch, lambda part: self._client.log_batch(run, params=part))

    def _artifact(self, run: str, event: Event) -> None:
        """Send files one by one, each checked just before."""
        for found in sendable_files(self._run_dir, event["path"], self._places):
            if isinstance(found, UserError):
                self._refuse(1, str(found))
                continue
            file, below = found
            folder = "/".join(part for part in (event["folder"] or "", below) if part) or None
            try:
                self._file(run, file, folder)
            except (UserError, FileNotFoundError, PermissionError) as error:
                self._refuse(1, str(error))

    def _file(self, run: str, file: Path, folder: str | None) -> None:
        check_store(self._client.get_run(run).info.artifact_uri, self._uri, folder, file)
        self._attempt([file], lambda _: self._client.log_artifact(run, str(file), folder))

    def _attempt(self, items: Sequence[_T], send: Callable[[Sequence[_T]], object]) -> None:
        """Send items; those that MLflow rejects permanently are counted and not sent again."""
        from mlflow.exceptions import MlflowException

        try:
            send(items)
        except MlflowException as error:
            if error.error_code != "INVALID_PARAMETER_VALUE":
                raise
            if len(items) == 1:
                self._refuse(1, str(error))
                return
            half = len(items) // 2
            self._attempt(items[:half], send)
            self._attempt(items[half:], send)

    def _refuse(self, count: int, reason: str) -> None:
        self._cursor.refused += count
        self._cursor.refusal = reason.partition("\n")[0][:200]
        self.refusals.append(self._cursor.refusal)


def _batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _name(text: str) -> str:
    """The text reduced to the characters that MLflow accepts in a name."""
    parts = re.sub(r"[^\w\-. :/]", "_", text).split("/")
    return "/".join(p for p in parts if p not in ("", ".", ".."))[:_KEY_CHARS].rstrip("/") or "_"

"""How far a run directory has been mirrored; stored next to its events."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from wsss.atomic import replacing
from wsss.errors import UserError
from wsss.records import entry, read_object

CURSOR_FILE = "mlflow_cursor.json"


@dataclass
class Cursor:
    """What one tracking URI has received from one run directory."""

    uri: str
    """The tracking URI, without credentials."""
    offset: int = 0
    """Bytes of the events file that were sent."""
    uid: str = ""
    """Identifier of the run directory; part of the tag that identifies its runs in MLflow."""
    experiment: str = ""
    """Name of the MLflow experiment."""
    runs: dict[str, str] = field(default_factory=dict)
    """MLflow run id by local run key."""
    refused: int = 0
    """Number of values that MLflow rejected permanently."""
    refusal: str = ""
    """Reason of the latest rejection."""

    @classmethod
    def load(cls, run_dir: Path, uri: str, size: int) -> Cursor:
        """The cursor of a run directory, or a new one if it is missing or unusable.

        A cursor is unusable if it is broken, belongs to another URI or does not lie within the
        ``size`` bytes of the events file. Starting over is safe: MLflow does not store an event
        twice.
        """
        path = run_dir / CURSOR_FILE
        try:
            cursor = _parse(read_object(path), path)
        except (OSError, UserError):
            return cls(uri)
        return cursor if cursor.uri == uri and 0 <= cursor.offset <= size else cls(uri)

    def save(self, run_dir: Path) -> None:
        """Write the cursor file, atomically."""
        with replacing(run_dir / CURSOR_FILE) as partial:
            partial.write_text(json.dumps(asdict(self)))


def _parse(record: dict[str, Any], path: Path) -> Cursor:
    runs = entry(record, "runs", dict, path)
    return Cursor(
        uri=entry(record, "uri", str, path),
        offset=entry(record, "offset", int, path),
        uid=entry(record, "uid", str, path),
        experiment=entry(record, "experiment", str, path),
        runs={key: entry(runs, key, str, path) for key in runs},
        refused=entry(record, "refused", int, path),
        refusal=entry(record, "refusal", str, path),
    )

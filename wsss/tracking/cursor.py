"""How far a run directory has been mirrored, kept beside its events."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from wsss.atomic import replacing

CURSOR_FILE = "mlflow_cursor.json"


@dataclass
class Cursor:
    """What one tracking URI has of one run directory.

    offset: bytes of the events file that were sent. runs: local run key -> MLflow run id.
    refused: how many values MLflow rejected for good, and why (the latest).
    """

    uri: str
    offset: int = 0
    uid: str = ""
    experiment: str = ""
    runs: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    refusal: str = ""

    @classmethod
    def load(cls, run_dir: Path, uri: str, size: int) -> Cursor:
        """The cursor of `run_dir`, or a fresh one where it is no use.

        That is: none or a broken one, one for another URI, or one beyond the `size` of the
        events. Starting over is safe, for MLflow stores an event that it already has only once.
        """
        try:
            cursor = cls(**json.loads((run_dir / CURSOR_FILE).read_bytes()))
        except (OSError, ValueError, TypeError):
            return cls(uri)
        return cursor if cursor.uri == uri and cursor.offset <= size else cls(uri)

    def save(self, run_dir: Path) -> None:
        """Replace the cursor file in one step."""
        with replacing(run_dir / CURSOR_FILE) as partial:
            partial.write_text(json.dumps(asdict(self)))

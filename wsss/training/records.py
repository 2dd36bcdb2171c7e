"""The metrics of every epoch on disk, to be read without loading what trained."""

from __future__ import annotations

import json
from pathlib import Path

Record = dict[str, float]


def read_history(path: Path) -> list[Record]:
    """The records of a ``history.jsonl``; none where there was no training."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]

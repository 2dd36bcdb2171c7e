"""The metrics of every epoch on disk; reading them does not import the training libraries."""

from __future__ import annotations

import json
from pathlib import Path

EpochMetrics = dict[str, float]
"""Metrics of one epoch by name."""


def read_history(path: Path) -> list[EpochMetrics]:
    """The epochs of a ``history.jsonl``; empty if there is no such file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]

"""Results of finished runs, and their mean over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wsss.records import read_object


def read_metrics(run: Path, stage: str) -> dict[str, Any]:
    """The metrics of a stage of a run; raises as `wsss.records.read_object`."""
    return read_object(run / stage / "metrics.json")


def mean_and_spread(values: Sequence[float], decimals: int = 3) -> str:
    """Mean ± sample standard deviation as text; a single value has no deviation."""
    mean = f"{statistics.mean(values):.{decimals}f}"
    if len(values) < 2:
        return mean
    return f"{mean} ± {statistics.stdev(values):.{decimals}f}"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

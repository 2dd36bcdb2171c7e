"""Results of finished runs, over seeds."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def find_run(outputs: Path, settings: Mapping[str, Any]) -> Path:
    """The newest run directory whose config has all of some settings.

    Args:
        outputs: folder that runs write to.
        settings: values by dotted key, e.g. ``{"seed": 0, "masking.dp_rate": 0.5}``.

    Raises:
        FileNotFoundError: where there is none.
    """
    found = [
        path
        for path in outputs.glob("runs/*/config.json")
        if _has(json.loads(path.read_text("utf-8")), settings)
    ]
    if not found:
        raise FileNotFoundError(f"{outputs}/runs: no run with {dict(settings)}")
    return max(found, key=lambda path: path.stat().st_mtime).parent


def read_metrics(run: Path, stage: str) -> dict[str, Any]:
    """What a stage of a run measured."""
    metrics: dict[str, Any] = json.loads((run / stage / "metrics.json").read_text("utf-8"))
    return metrics


def mean_and_spread(values: Sequence[float]) -> str:
    """Mean ± sample standard deviation with three decimals."""
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with a line for each row."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _has(config: dict[str, Any], settings: Mapping[str, Any]) -> bool:
    return all(_value(config, key) == value for key, value in settings.items())


def _value(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config

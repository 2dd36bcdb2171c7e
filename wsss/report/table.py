"""The summary table that is printed after a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class SummaryRow:
    """The result of one stage."""

    stage: str
    key_figure: str
    """Result in a few words, such as ``"mIoU 43.1 %"``."""
    seconds: float
    state: Literal["run", "up to date"]
    path: Path
    """Artifact directory."""
    metrics: Mapping[str, Any]
    """All its metrics."""


def print_summary(rows: Sequence[SummaryRow], console: Console) -> None:
    """Print one line per stage; long paths are wrapped, not cut, so that they can be copied."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("stage", no_wrap=True)
    table.add_column("result")
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("artifact", overflow="fold")
    for row in rows:
        table.add_row(
            row.stage,
            Text(row.key_figure),  # brackets in it are not markup
            f"{row.seconds:.1f} s",
            Text(row.state, style="green" if row.state == "run" else "dim"),
            Text(str(row.path)),
        )
    console.print(table)

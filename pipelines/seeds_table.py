"""What the recipes that make a table over seeds have in common."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from wsss.atomic import replacing
from wsss.report.seeds import markdown_table, mean_and_spread, read_metrics

SEEDS = (0, 1, 2)
COLUMNS = (
    "mAP (val)",
    "pseudo-mask mIoU (train)",
    "pseudo-mask mIoU (test)",
    "segmenter mIoU (test)",
)


def run_pipeline(*overrides: str) -> None:
    """Run an experiment for every seed; artifacts that are there already are reused."""
    seeds = f"seed={','.join(map(str, SEEDS))}"
    subprocess.run([sys.executable, "-m", "wsss.pipelines", *overrides, seeds], check=True)


def chain_cells(runs: Sequence[Path]) -> list[str]:
    """Mean and spread of each of `COLUMNS` over runs of the whole chain."""
    judged = [read_metrics(run, "evaluate") for run in runs]
    return [
        mean_and_spread([read_metrics(run, "prune")["mAP_after"] for run in runs]),
        mean_and_spread([metrics["pseudo_mask"]["train"]["miou"] for metrics in judged]),
        mean_and_spread([metrics["pseudo_mask"]["test"]["miou"] for metrics in judged]),
        mean_and_spread([metrics["segmenter"]["test"]["miou"] for metrics in judged]),
    ]


def write_table(path: Path, first: str, rows: Sequence[Sequence[str]]) -> None:
    """Write and print a table of rows: a name, then `COLUMNS`."""
    table = markdown_table([first, *COLUMNS], rows)
    with replacing(path) as partial:
        partial.write_text(table, "utf-8")
    print(f"\n{table}\nwritten to {path}")

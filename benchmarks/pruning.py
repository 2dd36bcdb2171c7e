"""Pruning: time and parameters saved by removing heads.

Command:  python -m benchmarks.pruning outputs/runs/<run> ...
Shows:    for each run, or artifact of its stage prune, heads and parameters of the classifier
          before and after, and the ratio of the times of a forward pass, after over before, for
          scores only and for scores with class attention of every layer. Both classifiers run in
          turn on random images of their size, in batches of 32 on one CPU thread; the ratio
          shown is the median of all rounds
Cost:     seconds for a run of the default size

The exit status is 0 for any result.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from rich.table import Table

from wsss.models.checkpoint import load_classifier
from wsss.models.input_spec import InputSpec
from wsss.models.pruning import parameter_count
from wsss.models.speed import speed_ratio, without_gates
from wsss.models.vit import ClassTokenViT
from wsss.runs.manifest import MANIFEST
from wsss.terminal import plain_console

BATCH = 32


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="run, or artifact")
    parser.add_argument("--rounds", type=int, default=30, help="(%(default)s)")
    chosen = parser.parse_args()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("run", overflow="fold")
    for name in ("heads", "parameters", "share", "time", "time with maps"):
        table.add_column(name, justify="right")
    for path in chosen.paths:
        table.add_row(path.name, *measure(path, chosen.rounds))
    plain_console().print(table)


def measure(path: Path, rounds: int) -> list[str]:
    """The cells of one run."""
    before, after, spec = classifiers(path)
    images = torch.randn(
        BATCH,
        len(spec.bands),
        spec.image_size,
        spec.image_size,
        generator=torch.Generator().manual_seed(0),
    )
    whole, left = parameter_count(before), parameter_count(after)
    return [
        f"{sum(before.num_heads)} to {sum(after.num_heads)}",
        f"{whole:,} to {left:,}",
        f"{left / whole:.2f}",
        f"{speed_ratio(before, after, images, rounds=rounds):.2f}",
        f"{speed_ratio(before, after, images, rounds=rounds, attention=True):.2f}",
    ]


def classifiers(path: Path) -> tuple[ClassTokenViT, ClassTokenViT, InputSpec]:
    """The classifiers before and after pruning, without gates, and their input.

    Args:
        path: a run, or the artifact of its stage prune.
    """
    pruned = path / "prune" if (path / "prune").exists() else path
    upstream = json.loads((pruned / MANIFEST).read_text("utf-8"))["upstream"]
    before, spec = load_classifier(pruned.resolve().parents[1] / "train" / upstream["train"])
    after, _ = load_classifier(pruned)
    return without_gates(before), after, spec


if __name__ == "__main__":
    main()

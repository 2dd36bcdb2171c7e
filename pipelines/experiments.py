"""Shared by all recipes: run experiments over seeds in parallel, and write tables of results."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from wsss.atomic import replacing
from wsss.config.composing import compose_config
from wsss.report.seeds import markdown_table, mean_and_spread
from wsss.runs.layout import run_path
from wsss.runs.results import read_metrics

SEEDS = (0, 1, 2)
ONE_THREAD = (
    "launch.threads=1"  # the last digits depend on the number of threads, not of parallel runs
)
CHAIN = ("train", "prune", "extract", "generate", "segment", "evaluate")
SYSTEM_COLUMNS = (
    "pseudo-mask mIoU (train)",
    "pseudo-mask mIoU",
    "segmenter mIoU",
    "mAP",
    "heads",
    "minutes",
)
TABLES = Path("outputs") / "tables"
Overrides = tuple[str, ...]


def run_all(*experiments: Overrides) -> dict[Overrides, list[Path]]:
    """Run experiments for every seed, one per core at a time.

    Existing artifacts are reused, so that an interrupted recipe continues where it stopped.

    Args:
        experiments: overrides of each experiment, as on the command line.

    Returns:
        the run directories of each experiment, in the order of `SEEDS`.
    """
    jobs = {(e, seed): (*e, ONE_THREAD, f"seed={seed}") for seed in SEEDS for e in experiments}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ThreadPoolExecutor(cores) as pool:
        waiting = [pool.submit(_run, overrides) for overrides in jobs.values()]
        for number, done in enumerate(as_completed(waiting), 1):
            try:
                print(f"[{number}/{len(jobs)}] {done.result()}", flush=True)
            except RuntimeError:
                pool.shutdown(cancel_futures=True)
                raise
    return {e: [directory(*jobs[e, seed]) for seed in SEEDS] for e in experiments}


def directory(*overrides: str) -> Path:
    """The run directory of an experiment."""
    return run_path(compose_config(*overrides))


def seconds(run: Path, *stages: str) -> float:
    """Seconds that stages of a run took when their artifacts were made."""
    manifests = [json.loads((run / stage / "manifest.json").read_text()) for stage in stages]
    return float(sum(manifest["seconds"] for manifest in manifests))


def write_table(name: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write and print ``outputs/tables/<name>.md``."""
    table = markdown_table(head, rows)
    with replacing(TABLES / f"{name}.md") as partial:
        partial.write_text(table, "utf-8")
    print(f"\n{table}\nwritten to {TABLES / name}.md")


def system_table(name: str, rows: Mapping[str, Overrides]) -> None:
    """Run all stages of each system, ``rows`` by title, and write a table."""
    runs = run_all(*rows.values())
    cells = [[title, *system_cells(runs[overrides])] for title, overrides in rows.items()]
    write_table(name, ["system", *SYSTEM_COLUMNS], cells)


def system_cells(runs: Sequence[Path]) -> list[str]:
    """`SYSTEM_COLUMNS` of one system, mean and standard deviation over runs."""
    judged = [read_metrics(run, "evaluate") for run in runs]
    pruned = [read_metrics(run, "prune") for run in runs]
    kept = sorted({p["heads_kept"] for p in pruned})
    minutes = statistics.mean(seconds(run, *CHAIN) for run in runs) / 60
    return [
        mean_and_spread([m["pseudo_mask"]["train"]["miou"] for m in judged]),
        mean_and_spread([m["pseudo_mask"]["test"]["miou"] for m in judged]),
        mean_and_spread([m["segmenter"]["test"]["miou"] for m in judged]),
        mean_and_spread([m["classifier"]["test"]["mAP"] for m in judged]),
        f"{'-'.join(map(str, kept))} of {pruned[0]['heads']}",
        f"{minutes:.1f}",
    ]


def _run(overrides: Overrides) -> str:
    """Run one experiment and return a line with its time; RuntimeError if it fails."""
    started = time.monotonic()
    command = [sys.executable, "-m", "wsss.pipelines", *overrides]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return f"{' '.join(overrides)}: {time.monotonic() - started:.0f} s"

"""Show the state of runs, cancel or resubmit them: ``python -m wsss.pipelines.status``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wsss.arguments import CommandParser
from wsss.cluster.launch import launch_experiment
from wsss.cluster.queue import cancel
from wsss.cluster.states import StageState, last_lines, stage_states
from wsss.commands import run_command
from wsss.engine.registry import CHAIN, STAGES
from wsss.errors import UserError
from wsss.runs.finding import find_runs
from wsss.runs.layout import COMPOSED, job_keys
from wsss.terminal import plain_console

STYLES = {
    "up to date": "green",
    "running": "cyan",
    "pending": "yellow",
    "failed": "bold red",
    "cancelled": "magenta",
    "-": "dim",
}

_USUAL = ("Dependency", "Priority", "Resources", "None", "BeginTime", "JobArrayTaskLimit")
"""Reasons for waiting that need no action."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 if a stage failed, or 2 for bad input."""
    parser = CommandParser(prog="python -m wsss.pipelines.status", description=__doc__)
    parser.add_argument(
        "paths", nargs="*", type=Path, help="run directories or outputs folders (outputs)"
    )
    parser.add_argument("--sweep", metavar="NAME", help="only runs of this sweep")
    parser.add_argument("--lines", type=int, default=5, help="lines of a failed stage's log (5)")
    parser.add_argument("--cancel", action="store_true", help="cancel jobs that no other run needs")
    parser.add_argument(
        "--rerun", action="store_true", help="resubmit the failed and cancelled stages"
    )
    console = plain_console()
    if not console.is_terminal:
        console.width = 160  # no wrapping in files and pipes
    return run_command(lambda: _status(parser.parse_args(arguments), console))


def _status(options: argparse.Namespace, console: Console) -> int:
    runs = _runs(options.paths or [Path("outputs")], options.sweep)
    if options.cancel:
        _cancel(runs, console)
    states = stage_states(runs, [*STAGES])
    if options.rerun:
        _rerun(states, console)
        states = stage_states(runs, [*STAGES])
    _print(states, options.lines, console)
    return 1 if any(row.state == "failed" for row in states) else 0


def _runs(places: Sequence[Path], sweep: str | None = None) -> list[Path]:
    return [run.resolve() for run in find_runs(places, sweep)]


def _cancel(runs: Sequence[Path], console: Console) -> None:
    """Cancel the jobs of runs, except those that other runs need."""
    others = [
        run
        for outputs in {run.parents[1] for run in runs}
        for run in _runs([outputs])
        if run not in runs
    ]
    waiting = ("running", "pending")
    needed = {s.job for s in stage_states(others, [*STAGES]) if s.state in waiting}
    jobs = {s.job for s in stage_states(runs, [*STAGES]) if s.state in waiting and s.job}
    cancel(sorted(jobs - needed))
    console.print(f"cancelled {len(jobs - needed)} jobs, kept {len(jobs & needed)} of other runs")


def _rerun(states: Sequence[StageState], console: Console) -> None:
    """Resubmit runs with a failed or cancelled stage, with their stored config."""
    broken = ("failed", "cancelled")
    for run in dict.fromkeys(row.run for row in states if row.state in broken):
        plain = json.loads((run / COMPOSED).read_text())
        try:
            launch_experiment(plain | {"stage": [*job_keys(run)]}, console)
        except UserError as error:
            raise UserError(f"{run}: {error}") from error


def _print(states: Sequence[StageState], lines: int, console: Console) -> None:
    asked = {row.stage for row in states if row.state != "-"}
    shown = [*CHAIN, *(stage for stage in STAGES if stage in asked - set(CHAIN))]
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("run", no_wrap=True)
    for stage in shown:
        table.add_column(stage)
    for run in dict.fromkeys(row.run for row in states):
        cells = {row.stage: row for row in states if row.run == run}
        table.add_row(run.name, *(_cell(cells[stage]) for stage in shown))
    console.print(table)
    for row in states:
        held = row.state == "pending" and row.reason not in _USUAL
        if held or row.state == "failed":
            console.print(f"\n{row.run.name} {row.stage}: job {row.job} {row.reason}")
        if row.state == "failed" and row.log is not None:
            console.print(f"  {row.log}")
            for line in last_lines(row.log, lines):
                console.print(f"    {line}")


def _cell(row: StageState) -> Text:
    text: str = row.state
    if row.state in ("running", "pending"):
        text = f"{row.state} {row.job}"
    return Text(text, style=STYLES[row.state])

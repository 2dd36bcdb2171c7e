"""Show the state of runs, cancel or resubmit them: ``python -m wsss.pipelines.status``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wsss.arguments import CommandParser
from wsss.cluster.queue import cancel
from wsss.cluster.rerun import rerun
from wsss.cluster.states import StageState, last_lines, read_records, stage_states
from wsss.commands import run_command
from wsss.engine.registry import CHAIN, STAGES
from wsss.errors import UserError
from wsss.records import read_each
from wsss.runs.finding import find_runs
from wsss.runs.layout import outputs_of
from wsss.terminal import plain_console, visible

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
        "--rerun",
        action="store_true",
        help="resubmit the failed and cancelled stages; without --trust, show what would run",
    )
    parser.add_argument(
        "--trust", action="store_true", help="let --rerun run what the records of the runs say"
    )
    console = plain_console()
    if not console.is_terminal:
        console.width = 160  # no wrapping in files and pipes
    return run_command(lambda: _status(parser.parse_args(arguments), console))


def _status(options: argparse.Namespace, console: Console) -> int:
    if options.trust and not options.rerun:
        raise UserError("--trust goes with --rerun")
    runs = [run.resolve() for run in find_runs(options.paths or [Path("outputs")], options.sweep)]
    if options.cancel:
        _cancel(runs, console)
    states = stage_states(read_each(runs, read_records))
    if options.rerun:
        broken = [row.run for row in states if row.state in ("failed", "cancelled")]
        rerun(list(dict.fromkeys(broken)), console, trust=options.trust)
        states = stage_states(read_each(runs, read_records))
    _print(states, options.lines, console)
    return 1 if any(row.state == "failed" for row in states) else 0


def _cancel(runs: Sequence[Path], console: Console) -> None:
    """Cancel the jobs of runs, except those that other runs need."""
    outputs = [folder for folder in dict.fromkeys(map(outputs_of, runs)) if folder is not None]
    everything = {run.resolve() for run in find_runs(outputs)} | set(runs) if outputs else set(runs)
    states = stage_states(read_each(sorted(everything), read_records))
    waiting = [row for row in states if row.state in ("running", "pending") and row.job]
    needed = {row.job for row in waiting if row.run not in runs}
    jobs = {row.job for row in waiting if row.run in runs and row.job}
    ended = sorted(jobs - needed, key=int)
    cancel(ended)
    named = f" ({' '.join(ended)})" if ended else ""
    console.print(f"cancelled {len(ended)} jobs{named}, kept {len(jobs & needed)} of other runs")


def _print(states: Sequence[StageState], lines: int, console: Console) -> None:
    asked = {row.stage for row in states if row.state != "-"}
    shown = [*CHAIN, *(stage for stage in STAGES if stage in asked - set(CHAIN))]
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("run", no_wrap=True)
    for stage in shown:
        table.add_column(stage)
    for run in dict.fromkeys(row.run for row in states):
        cells = {row.stage: row for row in states if row.run == run}
        table.add_row(visible(run.name), *(_cell(cells[stage]) for stage in shown))
    console.print(table)
    for row in states:
        held = row.state == "pending" and row.reason not in _USUAL
        if held or row.state == "failed":
            console.print()
            console.print(visible(f"{row.run.name} {row.stage}: job {row.job} {row.reason}"))
        if row.state == "failed" and row.log is not None:
            console.print(visible(f"  {row.log}"))
            for line in last_lines(row.log, lines):
                console.print(visible(f"    {line}"))


def _cell(row: StageState) -> Text:
    text: str = row.state
    if row.state in ("running", "pending"):
        text = f"{row.state} {row.job}"
    return Text(text, style=STYLES[row.state])

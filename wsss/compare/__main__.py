"""Compare runs: means over seeds, paired differences from a baseline, a plot.

Usage:    python -m wsss.compare [OUTPUTS, RUNS OR RUN DIRECTORIES ...]
Writes:   compare.csv, compare.md and compare.png into OUTPUTS/compare
Status:   0, or 2 on bad input
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wsss.arguments import CommandParser
from wsss.commands import run_command
from wsss.compare.comparison import compare_runs
from wsss.compare.metrics import METRICS
from wsss.compare.record import record
from wsss.compare.runs import read_run
from wsss.compare.show import print_comparison
from wsss.compare.write import write_comparison
from wsss.errors import UserError
from wsss.records import is_inside, read_each
from wsss.runs.finding import find_runs
from wsss.runs.layout import outputs_of
from wsss.terminal import plain_console, visible

_NARROWEST = 160  # if the output is not a terminal and has no width


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, or 2 for bad input."""
    return run_command(lambda: _compare(_parser().parse_args(arguments)))


def _compare(options: argparse.Namespace) -> int:
    places = options.places or [Path("outputs")]
    runs = read_each(find_runs(places, options.sweep), read_run)
    comparison = compare_runs([*runs.values()], options.metric, options.by, options.baseline)
    folder = options.to or _default_folder(outputs_of(places[0]) or Path("outputs"))
    try:
        files = write_comparison(comparison, folder)
    except OSError as error:
        raise UserError(f"--to {folder}: {error.strerror}") from error
    console = plain_console()
    if not console.is_terminal:
        console.width = max(console.width, _NARROWEST)
    print_comparison(comparison, console)
    console.print()
    for file in files:
        console.print(f"written: {visible(str(file))}", soft_wrap=True)
    if options.mlflow:
        record(comparison, files, folder, options.uri)
    return 0


def _default_folder(outputs: Path) -> Path:
    """Where to write unless told; `UserError` if that is a link to another place."""
    folder = outputs / "compare"
    if not is_inside(folder, outputs):
        raise UserError(f"{folder} is a link out of {outputs}; choose where to write with --to")
    return folder


def _parser() -> argparse.ArgumentParser:
    description, _, details = (__doc__ or "").partition("\n\n")
    parser = CommandParser(
        prog="python -m wsss.compare",
        description=description,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "places",
        nargs="*",
        type=Path,
        metavar="OUTPUTS_OR_RUN_DIRS",
        help="outputs folders, their runs folders, or run directories (default: outputs)",
    )
    add(
        "--metric",
        metavar="NAME",
        help=f"metric of differences and plot: {', '.join(METRICS)} (default: mIoU)",
    )
    add(
        "--by",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY",
        help="keys that identify a configuration, such as dp_rate (default: all that differ)",
    )
    add(
        "--baseline",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="the configuration to compare with (default: the first)",
    )
    add("--to", type=Path, metavar="FOLDER", help="where to write (default: OUTPUTS/compare)")
    add("--sweep", metavar="NAME", help="only runs of this sweep")
    add("--uri", help="where to log (default: MLFLOW_TRACKING_URI, or else OUTPUTS/mlflow.db)")
    add("--no-mlflow", dest="mlflow", action="store_false", help="do not log to MLflow")
    return parser


if __name__ == "__main__":
    sys.exit(main())

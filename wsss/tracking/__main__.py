"""``python -m wsss.tracking sync OUTPUTS``: send the events that MLflow lacks."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from wsss.arguments import CommandParser
from wsss.commands import run_command
from wsss.errors import UserError
from wsss.terminal import visible
from wsss.tracking.config import resolve_uri
from wsss.tracking.sync import Syncer, find_run_dirs

_PATIENCE_SECONDS = 300.0


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if all events were sent, 1 if some were not, 2 for bad input."""
    parser = CommandParser(prog="python -m wsss.tracking", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    sync = commands.add_parser("sync", help="send the events that MLflow lacks")
    sync.add_argument("outputs", type=Path, metavar="OUTPUTS", help="where the runs are")
    sync.add_argument(
        "--uri",
        help="where to send (default: MLFLOW_TRACKING_URI, or else the database in OUTPUTS)",
    )
    sync.add_argument(
        "--timeout",
        type=float,
        default=_PATIENCE_SECONDS,
        metavar="SECONDS",
        help="the longest that sending one event may take, an upload included (%(default)g)",
    )
    return run_command(lambda: _sync(parser.parse_args(arguments)))


def _sync(options: argparse.Namespace) -> int:
    if not 0 < options.timeout <= threading.TIMEOUT_MAX:
        raise UserError(f"--timeout {options.timeout:g}: give a number of seconds above 0")
    uri = resolve_uri(options.uri) if options.uri is not None else None
    run_dirs = find_run_dirs(options.outputs)
    syncer = Syncer(options.outputs, uri, options.timeout)
    sent = waiting = left_out = 0
    for run_dir in run_dirs:
        try:
            synced = syncer.send(run_dir)
        except UserError as error:
            print(f"left out: {visible(f'{run_dir}: {error}')}", file=sys.stderr)
            left_out += 1
            continue
        if synced is not None:
            sent, waiting = sent + synced.sent, waiting + synced.waiting
            print(*map(visible, synced.lines), sep="\n", flush=True)
    print(f"{len(run_dirs)} run directories, {sent} events sent, {waiting} wait")
    return 1 if waiting or left_out else 0


if __name__ == "__main__":
    sys.exit(main())

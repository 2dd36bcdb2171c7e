"""``python -m wsss.tracking sync OUTPUTS``: send the events that MLflow lacks."""

from __future__ import annotations

import sys
from pathlib import Path

from wsss.arguments import CommandParser
from wsss.commands import run_command
from wsss.tracking.config import resolve_uri
from wsss.tracking.sync import find_run_dirs, sync_run_dir


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if all events were sent, 1 if some were not, 2 for bad input."""
    parser = CommandParser(prog="python -m wsss.tracking", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    sync = commands.add_parser("sync", help="send the events that MLflow lacks")
    sync.add_argument("outputs", type=Path, metavar="OUTPUTS", help="where the runs are")
    sync.add_argument("--uri", help="send to this server instead of the recorded one")

    def work() -> int:
        options = parser.parse_args(arguments)
        return _sync(options.outputs, options.uri)

    return run_command(work)


def _sync(outputs: Path, given: str | None) -> int:
    uri = resolve_uri(given) if given is not None else None
    run_dirs = find_run_dirs(outputs)
    done = []
    for run_dir in run_dirs:
        synced = sync_run_dir(run_dir, uri)
        if synced is not None:
            done.append(synced)
            print(synced.line, flush=True)
    sent, waiting = sum(s.sent for s in done), sum(s.waiting for s in done)
    print(f"{len(run_dirs)} run directories, {sent} events sent, {waiting} wait")
    return 1 if waiting else 0


if __name__ == "__main__":
    sys.exit(main())

"""Inject faults into tiny complete runs: ``PYTHONPATH=tests python -m faults --count 200``.

After each fault the same command runs once more. Its artifacts must be those of a run without
faults, bit for bit. Prints a table by kind, and every failure with its seed.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")


def main(arguments: list[str]) -> int:
    """Run the command; 0 if nothing was lost, different or wrong."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path, help="write the table to this Markdown file")
    options = parser.parse_args(arguments)
    from faults.inject import COLUMNS, KINDS, Laboratory

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory(prefix="faults") as name:
        laboratory = Laboratory(Path(name))
        for number in range(options.count):
            kind = list(KINDS)[number % len(KINDS)]
            draw = random.Random(f"{options.seed} {number}")
            found, told = laboratory.fault(kind, draw)
            counts[kind][found] += 1
            if found not in COLUMNS[:2]:
                print(f"fault {number} ({kind}): {found}\n{told}", file=sys.stderr)
            print(f"\r{number + 1} of {options.count}", end="", file=sys.stderr)
    print(file=sys.stderr)
    lines = [f"| fault | number | {' | '.join(COLUMNS)} |", "|---|---|" + "---|" * len(COLUMNS)]
    for kind in KINDS:
        row = counts[kind]
        if row:
            cells = " | ".join(str(row[column]) for column in COLUMNS)
            lines.append(f"| {kind} | {row.total()} | {cells} |")
    table = "\n".join(lines) + "\n"
    print(table)
    if options.table is not None:
        options.table.write_text(table)
    return int(any(row[column] for row in counts.values() for column in COLUMNS[2:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

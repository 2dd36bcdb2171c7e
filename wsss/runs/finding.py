"""Find run directories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from wsss.errors import UserError
from wsss.records import read_each
from wsss.runs.layout import CONFIG, RUNS, sweeps_of
from wsss.suggest import suggestion


def find_runs(places: Sequence[Path], sweep: str | None = None) -> list[Path]:
    """Run directories at the given places, without duplicates.

    Args:
        places: outputs folders, their ``runs``, or run directories.
        sweep: only runs of the sweep of this name.

    Raises:
        UserError: for a place without runs, or a sweep that no run belongs to.
    """
    found = {run.resolve(): run for place in places for run in _runs_at(place)}
    if sweep is None:
        return list(found.values())
    names = read_each(list(found.values()), sweeps_of)
    chosen = [run for run, belongs_to in names.items() if sweep in belongs_to]
    if not chosen:
        known = sorted({name for belongs_to in names.values() for name in belongs_to})
        if not known:
            raise UserError(f"no run belongs to sweep '{sweep}', or to any sweep")
        raise UserError(f"no run belongs to sweep '{sweep}'{suggestion(sweep, known)}")
    return chosen


def _runs_at(place: Path) -> Iterator[Path]:
    if (place / CONFIG).is_file():
        yield place
        return
    folder = place / RUNS if (place / RUNS).is_dir() else place
    runs = sorted(file.parent for file in folder.glob(f"*/{CONFIG}"))
    if not runs:
        what = "has no runs" if place.is_dir() else "no such folder"
        raise UserError(f"{place}: {what}; give an outputs folder, its runs, or run directories")
    yield from runs

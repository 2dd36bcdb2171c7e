"""Find run directories."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from wsss.errors import UserError
from wsss.runs.layout import CONFIG, RUNS, SWEEPS
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
    names = {run: _sweeps(run) for run in found.values()}
    chosen = [run for run, belongs_to in names.items() if sweep in belongs_to]
    if not chosen:
        known = sorted({name for belongs_to in names.values() for name in belongs_to})
        if not known:
            raise UserError(f"no run belongs to sweep '{sweep}', or to any sweep")
        raise UserError(f"no run belongs to sweep '{sweep}'{suggestion(sweep, known)}")
    return chosen


def outputs_of(place: Path) -> Path | None:
    """The outputs folder of a place given to `find_runs`; ``None`` for a run outside one."""
    if (place / RUNS).is_dir():
        return place
    runs = place.resolve().parent if (place / CONFIG).is_file() else place.resolve()
    return runs.parent if runs.name == RUNS else None


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


def _sweeps(run: Path) -> list[str]:
    path = run / SWEEPS
    names = read_json(path) if path.exists() else []
    if not isinstance(names, list):
        raise UserError(f"{path} is not a list of names")
    return [str(name) for name in names]


def read_json(path: Path) -> Any:
    """The content of a JSON file of a run; `UserError` if it cannot be read."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error})") from error

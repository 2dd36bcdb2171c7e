"""Which files of a run may be sent: those in its folder, and in the artifacts of its outputs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from wsss.errors import UserError
from wsss.records import is_inside

_RUNS, _ARTIFACTS = "runs", "artifacts"  # below an outputs folder, see `wsss.runs.layout`


def run_places(run_dir: Path) -> list[Path]:
    """The folder of a run and, if that is ``<outputs>/runs/<run>``, ``<outputs>/artifacts``."""
    runs = run_dir.parent
    return [run_dir, runs.parent / _ARTIFACTS] if runs.name == _RUNS else [run_dir]


def places_without_links(run_dir: Path) -> list[Path]:
    """As `run_places`, for a run of somebody else: no link may lead to another place."""
    return [place for place in run_places(run_dir) if is_inside(place, run_dir.parent.parent)]


def stored_path(path: Path, run_dir: Path) -> str:
    """A path as events store it: relative to the run, so that it survives a move of the outputs."""
    path = path.absolute()
    if any(path.is_relative_to(place) for place in run_places(run_dir)):
        return os.path.relpath(path, run_dir)
    return str(path)


def sendable_files(
    run_dir: Path, stored: str, places: Sequence[Path]
) -> Iterator[tuple[Path, str] | UserError]:
    """The files at a stored path, each with its folder below that path.

    Args:
        run_dir: absolute path of the run directory.
        stored: path of a file or folder, see `stored_path`.
        places: absolute paths of folders; other files are never sent.

    Yields:
        a `UserError` in place of a file that is missing, no regular file or, after all links are
        followed, in none of the places.
    """
    path = Path(os.path.normpath(run_dir / stored))
    if not any(is_inside(path, place) for place in places):
        yield UserError(f"{stored} lies outside the run's files")
        return
    if not path.is_dir():
        yield _checked(path, stored, places) or (path, "")
        return
    for folder, subfolders, names in os.walk(path):
        subfolders.sort()
        below = os.path.relpath(folder, path)
        for name in sorted(names):
            file = Path(folder, name)
            flaw = _checked(file, os.path.join(stored, os.path.relpath(file, path)), places)  # noqa: PTH118
            yield flaw or (file, "" if below == "." else below)


def _checked(file: Path, shown: str, places: Sequence[Path]) -> UserError | None:
    """What is wrong with a file, if anything."""
    if not any(is_inside(file, place) for place in places):
        return UserError(f"{shown} lies outside the run's files")
    try:
        is_regular = stat.S_ISREG(file.stat().st_mode)
    except OSError as error:
        return UserError(f"{shown}: {error.strerror}")
    return None if is_regular else UserError(f"{shown} is not a regular file")

"""To which tracking URI the events of a run may go: one that is configured here.

A record only says which URI was in use when it was written. It is followed if the same one is
configured here: by ``--uri``, by MLFLOW_TRACKING_URI, or because it is the database of the outputs
folder, the default of ``conf/tracking``.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Sequence
from pathlib import Path

from wsss.errors import UserError
from wsss.tracking.config import resolve_uri
from wsss.tracking.sqlite_uri import sqlite_path, sqlite_uri

_DATABASE = "mlflow.db"  # as in conf/tracking/mlflow.yaml
_SHOWN = 200  # characters of a URI
_NEIGHBOURS = ("", ".lock", "-journal", "-wal", "-shm")


def configured_uri(
    recorded: str, homes: Sequence[Path], *, at_home: bool, given: str | None
) -> str:
    """The URI to send to.

    Args:
        recorded: the URI in the record of a run.
        homes: outputs folders whose database may be used, the likeliest first.
        at_home: whether the record says that the URI was that of its outputs folder, which may have
            moved since.
        given: the option ``--uri``.

    Raises:
        UserError: the record wants a URI that is not configured here.
    """
    chosen = given or os.environ.get("MLFLOW_TRACKING_URI")
    if chosen:
        return resolve_uri(chosen)
    for home in homes:
        if at_home or recorded == home_uri(home):
            _check_database(home / _DATABASE)
            return home_uri(home)
    raise UserError(
        f"its record names {recorded[:_SHOWN]}, which is not configured here; to send there add "
        f"--uri {shlex.quote(recorded[:_SHOWN])}"
    )


def home_uri(outputs: Path) -> str:
    """The URI of an outputs folder's own database."""
    return sqlite_uri(outputs.absolute() / _DATABASE)


def home_of(run_dir: Path) -> Path | None:
    """The outputs folder of ``<outputs>/runs/<run>`` or ``<outputs>/compare/tracking``."""
    above = run_dir.absolute().parent
    return above.parent if above.name in ("runs", "compare") else None


def is_at_home(uri: str, run_dir: Path) -> bool:
    """Whether a URI is that of the database in the run's outputs folder."""
    home = home_of(run_dir)
    return home is not None and sqlite_path(uri) == home.absolute() / _DATABASE


def _check_database(path: Path) -> None:
    """`UserError` if the database, or a file that SQLite keeps beside it, is a link or a device."""
    for end in _NEIGHBOURS:
        file = path.with_name(path.name + end)
        try:
            mode = file.lstat().st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(mode):
            raise UserError(f"{file} is not a regular file; --uri names another database")

"""A quiet MLflow client, safe to open from many processes at once."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import BaseFileLock, FileLock

from wsss.errors import UserError
from wsss.tracking.sqlite_uri import PREFIX, sqlite_path

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    # A repeated POST could create a run twice; the mirror retries by itself, after a check.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",  # only the server that was configured gets anything
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_LOCK_SECONDS = 120.0


def prepare_mlflow(models: bool = False) -> None:
    """Import mlflow with little logging and short timeouts, unless the environment sets others.

    Call it from the main thread: concurrent imports of the same packages can fail.

    Args:
        models: also import MLflow's model support, which takes longer.

    Raises:
        UserError: mlflow is missing.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import mlflow.tracking

        if models:
            import mlflow.pyfunc  # noqa: F401
    except ImportError as error:
        without = "tracking=none tracking.model=false"
        raise UserError(f"tracking: cannot import mlflow ({error}); set {without}") from error
    for logger in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)


def connect(uri: str) -> MlflowClient:
    """A client for a tracking URI; creates a SQLite database and its directory if missing."""
    from mlflow.tracking import MlflowClient

    with _database_lock(uri), _no_stray_folder(uri):
        return MlflowClient(tracking_uri=uri)


def experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """The id of an experiment, created if missing; SQLite keeps artifacts next to the database."""
    from mlflow.exceptions import MlflowException

    database = sqlite_path(uri)
    location = None if database is None else (database.parent / "mlartifacts").as_uri()
    with _database_lock(uri):
        found = client.get_experiment_by_name(name)
        if found is None:
            try:
                return client.create_experiment(name, artifact_location=location)
            except MlflowException:  # another process was faster
                found = client.get_experiment_by_name(name)
                if found is None:
                    raise
    if found.lifecycle_stage != "active":
        raise RuntimeError(f"the MLflow experiment {name!r} was deleted: restore or rename it")
    return str(found.experiment_id)


@contextlib.contextmanager
def _no_stray_folder(uri: str) -> Iterator[None]:
    """Remove the folder that MLflow makes by reading a quoted path as it stands."""
    stray = Path(uri.removeprefix(PREFIX)).parent
    is_wrong = uri.startswith(PREFIX) and "%" in uri and not stray.exists()
    yield
    if is_wrong:
        with contextlib.suppress(OSError):  # it is the right one
            os.removedirs(stray)


def _database_lock(uri: str) -> BaseFileLock | contextlib.AbstractContextManager[None]:
    database = sqlite_path(uri)
    if database is None:
        return contextlib.nullcontext()
    database.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(f"{database}.lock", timeout=_LOCK_SECONDS)

"""Where a tracking server, or a database, may have files of runs stored.

The place of a run's artifacts is an answer of the server, or an entry of a database that may come
from somebody else. It is followed if it adds nothing to what was configured here: the server
itself, an object store, or a folder beside the database.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from wsss.errors import UserError
from wsss.records import is_inside
from wsss.tracking.sqlite_uri import sqlite_path

_OBJECT_STORES = ("s3", "gs", "abfss", "wasbs", "hdfs")
_OF_SERVER = ("mlflow-artifacts", "http", "https")


def check_store(store: str, uri: str, folder: str | None, file: Path) -> None:
    """`UserError` if a file should not be stored there.

    Args:
        store: URI of a run's artifacts.
        uri: tracking URI that told it.
        folder: folder below the store.
        file: the file, whose name stays.
    """
    address, server = urlsplit(store), urlsplit(uri)
    database = sqlite_path(uri)
    if database is None:
        if address.scheme in _OBJECT_STORES:
            return
        here = ("", server.netloc, server.netloc.rpartition("@")[2])
        if address.scheme in _OF_SERVER and address.netloc in here:
            return
        raise UserError(f"the server keeps artifacts elsewhere, at {store}")
    target = Path(url2pathname(address.path), folder or "", file.name)
    if address.scheme not in ("", "file") or not is_inside(target, database.parent):
        raise UserError(f"the database keeps artifacts outside its own folder, at {store}")

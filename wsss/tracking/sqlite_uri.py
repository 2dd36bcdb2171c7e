"""URIs of SQLite databases, in folders of any name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from wsss.errors import UserError

PREFIX = "sqlite:///"


def sqlite_uri(path: Path) -> str:
    """The URI by which MLflow opens exactly this file.

    In a URI ``?`` starts the options, and SQLAlchemy decodes ``%41`` from version 2.1 on.

    Raises:
        UserError: no URI names the file.
    """
    for name in (str(path), quote(str(path), errors="replace")):
        if sqlite_path(uri := f"{PREFIX}{name}") == path:
            return uri
    raise UserError(
        f"MLflow cannot open a database named {path}, because of '?' in it; choose another folder, "
        "or tracking=none"
    )


def sqlite_path(uri: str) -> Path | None:
    """The absolute database file that MLflow opens for a SQLite URI, ``None`` for any other URI."""
    if not uri.startswith(PREFIX):
        return None
    path: str | None = uri.removeprefix(PREFIX)
    if set("?%") & set(uri):
        from sqlalchemy.engine import make_url  # takes long, and few paths need it

        path = make_url(uri).database
    return Path(path or "").absolute()

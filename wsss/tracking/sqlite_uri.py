"""URIs of SQLite databases, in folders of any name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

PREFIX = "sqlite:///"
_FILE, _OPTION = "file:", "?uri=true"


def sqlite_uri(path: Path) -> str:
    """The URI by which MLflow opens exactly this file.

    In a plain URI ``?`` starts the options, and newer versions of SQLAlchemy decode ``%41``. Such
    a path is quoted in SQLite's own kind of URI.
    """
    if not set("?%") & set(str(path)):
        return f"{PREFIX}{path}"
    once = quote(str(path))
    for quoted in (once, quote(once)):  # SQLAlchemy decodes it from version 2.1 on
        uri = f"{PREFIX}{_FILE}{quoted}{_OPTION}"
        if sqlite_path(uri) == path:
            return uri
    raise ValueError(f"no URI names the file {path}")


def sqlite_path(uri: str) -> Path | None:
    """The absolute database file of a SQLite URI, ``None`` for any other URI.

    The URI is one of `sqlite_uri`, or ``sqlite:///`` and a path of any characters.
    """
    if not uri.startswith(PREFIX):
        return None
    rest = uri.removeprefix(PREFIX)
    if rest.startswith(_FILE) and rest.endswith(_OPTION):
        from sqlalchemy.engine import make_url  # takes long, and few paths need it

        rest = unquote((make_url(uri).database or "").removeprefix(_FILE))
    return Path(rest).absolute()

"""The manifest of an artifact: the one reader that compares files with their digests."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from wsss.digests import file_digests
from wsss.errors import UserError
from wsss.records import open_record, parse_json
from wsss.runs.identity import fingerprint

_OF_VIEWERS = (".aux.xml", "Thumbs.db", "desktop.ini")
"""Ends of names of files that GDAL, QGIS and file browsers write beside images."""

MANIFEST = "manifest.json"
_SEAL = "sealed"


class Damaged(Exception):
    """Evidence that an artifact is not what its manifest says, in one line."""


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with a digest of itself."""
    plain = json.loads(json.dumps(manifest))
    return {**plain, _SEAL: fingerprint(plain)}


def contents(manifest: Mapping[str, Any]) -> str:
    """Digest of all that an artifact holds."""
    return fingerprint({name: file["sha256"] for name, file in manifest["files"].items()})


def read_manifest(
    directory: Path, memory: Path | None = None, *, only: str | None = None
) -> dict[str, Any] | None:
    """The manifest of a complete artifact; ``None`` if the directory has none.

    Args:
        directory: of the artifact.
        memory: folder that keeps the digests of files, see `wsss.digests`.
        only: the one file to compare with its digest; by default every file.

    Raises:
        Damaged: the manifest or a file is not what was written, or a file is missing.
        UserError: there is a file that the manifest does not name, unless ``only`` is given.
        UserError, OSError: it cannot be read; this is no evidence of damage.
    """
    path = directory / MANIFEST
    try:
        with open_record(path) as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        manifest: dict[str, Any] = parse_json(text)
        seal = manifest.pop(_SEAL, None)  # artifacts of older versions have none
        named = {str(name): str(file["sha256"]) for name, file in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Damaged(f"{path} is not a manifest") from None
    if seal is not None and seal != fingerprint(manifest):
        raise Damaged(f"{path} has been changed since it was written")
    if only is not None:
        named = {name: digest for name, digest in named.items() if name == only}
    for name in named:
        if name.startswith("/") or ".." in name.split("/"):
            raise Damaged(f"{path} names {name}, outside of its folder")
    try:
        digests = file_digests([f"{directory}/{name}" for name in named], memory)
        stranger = _unnamed(directory, named) if only is None else None
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Damaged(f"{error.filename} is missing") from None
    for (name, expected), digest in zip(named.items(), digests, strict=True):
        if digest != expected:
            raise Damaged(f"{directory / name} has been changed since it was written")
    if stranger is not None:
        raise UserError(
            f"{stranger} is no result of this stage ({MANIFEST} lacks it); move it away"
        )
    return manifest


def _unnamed(directory: Path, named: Collection[str]) -> str | None:
    """A file below a directory that is not among those named, which a reader could take for one.

    Hidden files do not count (scratch space, files that are being written), nor do those that
    viewers of images and folders leave.
    """
    pending = [""]
    while pending:
        folder = pending.pop()
        with os.scandir(directory / folder) as entries:
            for entry in entries:
                name = f"{folder}{entry.name}"
                left = entry.name.startswith(".") or entry.name.endswith(_OF_VIEWERS)
                if left or name in named or name == MANIFEST:
                    continue
                if not entry.is_dir(follow_symlinks=False):
                    return f"{directory}/{name}"
                pending.append(f"{name}/")
    return None

"""The source files that determine a stage's result."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from wsss.digests import file_digest

_PACKAGE = Path(__file__).resolve().parents[1]
_FRAME = ("config", "engine", "runs", "tracking", "report", "progress", "errors", "export")
"""What every stage stands on or prints with; it decides when stages run, not what they compute."""


@cache
def stage_sources(stage: str) -> dict[str, str]:
    """Digest of each file of `wsss` that a stage reaches through imports, by path.

    Config classes and the engine are left out, see `_FRAME`: settings are part of fingerprints.
    """
    pending, found = [f"wsss.stages.{stage}"], dict[str, str]()
    while pending:
        path = _file_of(pending.pop())
        if path is None or (name := f"wsss/{path.relative_to(_PACKAGE).as_posix()}") in found:
            continue
        found[name], imported = _read(path)
        pending += imported
    return dict(sorted(found.items()))


def changed_sources(stage: str, made_by: Mapping[str, str]) -> list[str]:
    """The files of a stage that are not those that made an artifact, by path."""
    now = stage_sources(stage)
    return sorted(
        name for name in now.keys() | made_by.keys() if now.get(name) != made_by.get(name)
    )


@cache  # stages share most files
def _read(path: Path) -> tuple[str, list[str]]:
    """Digest of a file, and the modules that it imports."""
    return file_digest(path)[:16], list(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    """Names of modules of `wsss` that a file imports, anywhere in it; some may be objects."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            room = name.split(".")[1:2]
            if name.startswith("wsss.") and room and room[0] not in _FRAME:
                yield name


def _file_of(module: str) -> Path | None:
    """The file of a module; ``None`` for an object within one."""
    path = _PACKAGE.joinpath(*module.split(".")[1:])
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None

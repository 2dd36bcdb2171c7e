"""Rules of the code base that no linter knows."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from abc import ABC
from collections.abc import Iterator
from pathlib import Path

import wsss
from wsss.engine.registry import STAGES

MOST_POSITIONAL = 4
SOURCES = sorted(Path(wsss.__file__).parent.rglob("*.py"))


def classes() -> Iterator[type]:
    """Every class that the library defines."""
    for module in pkgutil.walk_packages(wsss.__path__, "wsss."):
        if module.name.endswith("__main__"):
            continue
        found = importlib.import_module(module.name)
        for _, kind in inspect.getmembers(found, inspect.isclass):
            if kind.__module__ == module.name:
                yield kind


def test_a_class_is_abstract_or_final() -> None:
    concrete_bases = {
        f"{kind.__module__}.{kind.__name__} inherits {base.__name__}"
        for kind in classes()
        for base in kind.__bases__
        if base.__module__.startswith("wsss.")
        and not inspect.isabstract(base)
        and ABC not in base.__bases__
    }
    assert not concrete_bases


def test_functions_take_at_most_four_arguments_by_position() -> None:
    too_many = [
        f"{path.name}: {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and len([a for a in node.args.args if a.arg not in ("self", "cls")]) > MOST_POSITIONAL
    ]
    assert not too_many


def test_stages_do_not_import_each_other() -> None:
    for path in (Path(wsss.__file__).parent / "stages").glob("*.py"):
        tree = ast.parse(path.read_text())
        read = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                read |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                read |= {alias.name for alias in node.names}
        assert not read & {f"wsss.stages.{other}" for other in STAGES}, path.name

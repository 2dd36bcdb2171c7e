"""Python blocks of README and docs run; pages of the reference are complete."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import tomllib
from pathlib import Path

import pytest
from helpers.documentation import REPOSITORY, Block, fenced

from wsss.config.schema import GROUPS


def label(block: Block) -> str:
    return f"{block.page}: {block.text.splitlines()[0]}"


@pytest.mark.parametrize("block", fenced("python"), ids=label)
def test_a_block_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, block.page, "exec"), {"__name__": "snippet"})


@pytest.mark.parametrize("block", fenced("py"), ids=label)
def test_a_block_that_needs_a_run_imports_what_exists(block: Block) -> None:
    tree = ast.parse(block.text)
    tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(tree, block.page, "exec"), {})


@pytest.mark.parametrize("block", fenced("python3"), ids=label)
def test_a_worked_example_imports_what_exists(block: Block) -> None:
    page = (REPOSITORY / block.page).read_text()
    for node in ast.walk(ast.parse(block.text)):
        if not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wsss")):
            continue
        assert node.module is not None
        if f"{node.module.replace('.', '/')}.py" in page and not _exists(node.module):
            continue  # the module that the how-to adds
        module = importlib.import_module(node.module)
        for alias in node.names:
            there = hasattr(module, alias.name) or _exists(f"{node.module}.{alias.name}")
            assert there, f"{node.module} has no {alias.name}"


def _exists(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def test_every_room_has_a_page_of_the_api() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = {room.strip() for layer in layers for room in layer.split("|")}
    pages = "\n".join(path.read_text() for path in (REPOSITORY / "docs/api").glob("*.md"))

    assert not [room for room in rooms if f"::: wsss.{room}\n" not in f"{pages}\n"]


def test_the_configuration_page_has_every_key() -> None:
    path = REPOSITORY / "docs/hooks/configuration.py"
    spec = importlib.util.spec_from_file_location("configuration_page", path)
    assert spec is not None and spec.loader is not None
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    page = hook.groups()

    for group, options in GROUPS.items():
        assert f"\n## {group}\n" in f"\n{page}"
        for kind in [options] if isinstance(options, type) else options.values():
            for field in dataclasses.fields(kind):
                assert field.name == "name" or f"| `{field.name}` |" in page, (group, field.name)

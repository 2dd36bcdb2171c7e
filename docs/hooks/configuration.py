"""The configuration reference, made from ``conf/`` and the classes behind it at build time."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import griffe
from hydra import compose, initialize_config_dir
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from omegaconf import OmegaConf

from wsss.config.directory import config_directory
from wsss.config.schema import GROUPS

PAGE = "configuration.md"
MARK = "<!-- groups -->"
_COMMENTED = re.compile(r"^\s*(\w+):[^#]*# (.+)$")
_PACKAGE = griffe.load("wsss", search_paths=[Path(__file__).parents[2]])


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Fill in the tables of groups."""
    return markdown.replace(MARK, groups()) if page.file.src_uri == PAGE else markdown


def groups() -> str:
    """A section for each config group."""
    defaults = OmegaConf.load(config_directory() / "config.yaml")
    chosen = {g: o for entry in defaults.defaults if entry != "_self_" for g, o in entry.items()}
    composed = _compose_all()
    return "\n\n".join(
        "\n\n".join(_group(group, chosen[group], composed[group])) for group in GROUPS
    )


def _compose_all() -> dict[str, dict[str, Any]]:
    """The content of every option, by group; one composition serves one option of each group."""
    directory = config_directory()
    options = {g: sorted(p.stem for p in (directory / g).glob("*.yaml")) for g in GROUPS}
    found: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    with initialize_config_dir(str(directory), version_base="1.3"):
        for row in zip_longest(*options.values()):
            together = {g: o for g, o in zip(options, row, strict=True) if o is not None}
            config = compose("config", overrides=[f"{g}={o}" for g, o in together.items()])
            for group, option in together.items():
                found[group][option] = OmegaConf.to_container(config[group], resolve=False)
    return found


def _group(group: str, default: str, options: Mapping[str, Any]) -> Iterator[str]:
    ordered = {default: options[default]} | dict(options)
    names = ", ".join(f"`{group}={o}`{' (default)' if o == default else ''}" for o in ordered)
    comments = _comments(group)
    yield f"## {group}"
    yield f"Options: {names}."
    by_class: dict[type, dict[str, Any]] = {}
    for option, content in ordered.items():
        by_class.setdefault(_class_of(group, content), {})[option] = content
    for kind, members in by_class.items():
        first, *others = members
        yield f"### {', '.join(f'{group}={option}' for option in members)}"
        yield from _class(kind, members[first], comments)
        for option in others:
            differing = [
                f"`{key}={_shown(value)}`"
                for key, value in members[option].items()
                if value != members[first].get(key) and key != "name"
            ]
            if differing:
                yield f"`{group}={option}` has {', '.join(differing)}."


def _class_of(group: str, content: Mapping[str, Any]) -> type:
    choices = GROUPS[group]
    return choices if isinstance(choices, type) else choices[content.get("kind", content["name"])]


def _class(kind: type, content: Mapping[str, Any], comments: Mapping[str, str]) -> Iterator[str]:
    """The docstring of a class, a row per field, then the same for nested classes."""
    yield _text(inspect.getdoc(kind) or "")
    rows: list[str] = []
    inside: dict[type, Any] = {}
    hints: dict[str, Any] = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if field.name == "name":
            continue
        value: Any = content.get(field.name)
        hint = hints[field.name]
        if get_origin(hint) is dict:  # its values are classes with equal defaults
            hint, value = get_args(hint)[1], next(iter(value.values()))
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            inside[hint] = value
            shown = "see below"
        else:
            shown = f"`{_shown(value)}`"
        meaning = _docstring(kind, field.name) or comments.get(field.name, "")
        rows.append(f"| `{field.name}` | {shown} | {_cell(meaning)} |")
    if rows:
        yield "\n".join(["| key | value | meaning |", "|---|---|---|", *rows])
    for part, value in inside.items():
        yield f"**`{part.__name__}`**"
        yield from _class(part, value or {}, comments)


def _docstring(kind: type, name: str) -> str:
    """The docstring below a field, in the class or one that it inherits from."""
    for base in kind.__mro__:
        if base.__module__.startswith("wsss."):
            place = f"{base.__module__.removeprefix('wsss.')}.{base.__name__}"
            member = _PACKAGE[place].members.get(name)
            if member is not None and member.docstring:
                return str(member.docstring.value)
    return ""


def _comments(group: str) -> dict[str, str]:
    """Comments of keys in the group's YAML files."""
    files = sorted((config_directory() / group).rglob("*.yaml"))
    lines = "\n".join(path.read_text() for path in files).splitlines()
    return {found[1]: found[2] for line in lines if (found := _COMMENTED.match(line))}


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return "required" if value == "???" else str(value)


def _text(docstring: str) -> str:
    """Markdown of a docstring: double backticks become single ones."""
    return docstring.replace("``", "`")


def _cell(docstring: str) -> str:
    return " ".join(_text(docstring).split()).replace("|", "\\|")

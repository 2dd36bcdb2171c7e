"""What README and docs say: their code blocks, commands and settings.

Fences in ``py`` are code that needs a finished run: only its imports are run. Fences in ``console``
and ``python3`` are of how-tos and need the code that the how-to adds: they are not run, but what
they import from existing modules must exist.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted(REPOSITORY.glob("docs/**/*.md")),
    *(REPOSITORY / room / "README.md" for room in ("pipelines", "benchmarks")),
]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^    .*\n)+", re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_COMMAND = re.compile(r"^(python|torchrun|make) ")


class Block(NamedTuple):
    """A fenced code block of a page."""

    page: str
    language: str
    text: str


class Command(NamedTuple):
    """A command line of a page, without comments."""

    page: str
    words: tuple[str, ...]


def fenced(*languages: str) -> list[Block]:
    """All fenced blocks in these languages."""
    return [
        Block(name(page), found[1], found[2])
        for page in PAGES
        for found in _FENCE.finditer(page.read_text())
        if found[1] in languages
    ]


def commands() -> list[Command]:
    """Every command of code blocks and inline code, each once, on the first page that has it."""
    found: dict[tuple[str, ...], Command] = {}
    for page in PAGES:
        for line in filter(_COMMAND.match, _lines(page.read_text())):
            words = tuple(shlex.split(line, comments=True))
            found.setdefault(words, Command(name(page), words))
    return list(found.values())


def inline_code() -> Iterator[tuple[str, str]]:
    """Page and text of every piece of inline code."""
    for page in PAGES:
        for found in _INLINE.finditer(_FENCE.sub("", page.read_text())):
            yield name(page), found[1]


def name(page: Path) -> str:
    """A page's path in the repository."""
    return str(page.relative_to(REPOSITORY))


def _lines(text: str) -> Iterator[str]:
    blocks = [m[2] for m in _FENCE.finditer(text) if m[1] in ("", "bash", "sh", "text")]
    without = _FENCE.sub("", text)
    blocks += [re.sub(r"^    ", "", m[0], flags=re.MULTILINE) for m in _INDENTED.finditer(without)]
    for block in blocks:
        yield from re.sub(r"\\\n\s*", "", block).splitlines()
    yield from (m[1] for m in _INLINE.finditer(without))

"""Names are printed as they are."""

from __future__ import annotations

import io
import re

import pytest
from helpers.tiny import REPOSITORY
from rich.table import Table

from wsss.terminal import plain_console

NAMES = ["x[/]", "x[red]y", "[bold]", "a:smile:b", "\\[x]", "tile_[old] (2)", "http://a.b/c"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_neither_markup_nor_emoji(name: str) -> None:
    stream = io.StringIO()
    console = plain_console(file=stream, width=60)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row(name)

    console.print(f"left out: {name}", style="yellow", soft_wrap=True)
    console.print(table)

    assert [line.rstrip() for line in stream.getvalue().splitlines()] == [f"left out: {name}", name]


def test_every_console_is_a_plain_one() -> None:
    sources = [*REPOSITORY.glob("wsss/**/*.py"), *REPOSITORY.glob("benchmarks/*.py")]
    others = {
        path.name
        for path in sources
        if path.name != "terminal.py"
        and re.search(r"\bConsole\((?!quiet=True)|\brich import print", path.read_text("utf-8"))
    }
    assert not others

"""Printing a comparison."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wsss.compare.comparison import Comparison
from wsss.compare.text import TextTable, differences_table, lacking_lines, means_table
from wsss.terminal import visible


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print the tables, then one line per run that lacks metrics."""
    _print(means_table(comparison), console)
    if len(comparison.rows) > 1:
        console.print()
        _print(differences_table(comparison), console)
    if lines := lacking_lines(comparison):
        console.print()
        for line in lines:
            console.print(Text(visible(line), style="yellow"), soft_wrap=True)


def _print(table: TextTable, console: Console) -> None:
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for title in table.head:
        drawn.add_column(Text(visible(title)), overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(visible(cell)) for cell in row))  # brackets in it are not markup
    console.print(Text(visible(table.caption)), soft_wrap=not console.is_terminal)
    console.print()
    console.print(drawn)

"""Progress bars, on terminals only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import track as rich_track

from wsss.terminal import plain_console

T = TypeVar("T")


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield the items, with a progress bar on standard error that disappears at the end."""
    console = plain_console(stderr=True)
    if not console.is_terminal:
        yield from items
        return
    yield from rich_track(items, label, total, console=console, transient=True)

"""Tests wait for events, never for time; the limit is there only to end a test that hangs."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_for(
    event: Callable[[], object],
    seconds: float = 300.0,
    explain: Callable[[], str] = lambda: "the event did not happen",
) -> None:
    """Return once ``event()`` is true, asked every 50 ms; fail the test after ``seconds``."""
    end = time.monotonic() + seconds
    while not event():
        assert time.monotonic() < end, explain()
        time.sleep(0.05)

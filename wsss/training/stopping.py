"""Delay the handler of a stop signal until training can be resumed from a checkpoint."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any


@dataclass
class Interruption:
    """Signals that wait for the next step of a training."""

    training: bool = False
    """Whether a training is running, so that signals have to wait."""
    waiting: list[Callable[[], Any]] = field(default_factory=list)
    """Pending calls of signal handlers, one for each signal that has arrived."""


interruption = Interruption()
"""The interruption of this process."""


@contextmanager
def heeding(number: signal.Signals) -> Iterator[None]:
    """Within the context, the handler of a signal is called after the current optimizer step.

    Outside of training it is called immediately. Only the main thread may enter.
    """
    handler = signal.getsignal(number)
    if not callable(handler):
        yield
        return

    def defer(received: int, frame: FrameType | None) -> None:
        if interruption.training:
            interruption.waiting.append(lambda: handler(received, frame))
        else:
            handler(received, frame)

    signal.signal(number, defer)
    try:
        yield
    finally:
        signal.signal(number, handler)

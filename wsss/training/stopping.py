"""A warning that the process is to be stopped, heeded where training can go on from later."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]


@dataclass
class Warnings:
    """Whether a training is under way, and the warning that waits for its next step."""

    training: bool = False
    waiting: list[Callable[[], Any]] = field(default_factory=list)


warnings = Warnings()


@contextmanager
def heeding(number: signal.Signals) -> Iterator[None]:
    """Within the context the handler of a signal is called after the optimizer step under way.

    Outside of training it is called at once. Only the main thread may enter.
    """
    handler = signal.getsignal(number)
    if not callable(handler):
        yield
        return

    def defer(received: int, frame: FrameType | None) -> None:
        if warnings.training:
            warnings.waiting.append(lambda: handler(received, frame))
        else:
            handler(received, frame)

    signal.signal(number, defer)
    try:
        yield
    finally:
        signal.signal(number, handler)

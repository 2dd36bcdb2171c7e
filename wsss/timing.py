"""Comparing running times on a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch

Name = TypeVar("Name", bound=Hashable)


def time_in_turn(
    passes: Mapping[Name, Callable[[], object]], rounds: int
) -> dict[Name, list[float]]:
    """Seconds of each pass in each round, after one round that does not count.

    Passes run one after the other in every round, so that other load slows all of them equally.
    Each waits for its work on the GPU.
    """
    seconds: dict[Name, list[float]] = {name: [] for name in passes}
    for number in range(rounds + 1):
        for name, run in passes.items():
            started = time.perf_counter()
            run()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if number:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """The ratio of two passes' times in each round."""
    return [a / b for a, b in zip(numerators, denominators, strict=True)]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run PyTorch with ``count`` threads on the CPU."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

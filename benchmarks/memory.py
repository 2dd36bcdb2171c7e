"""Extra memory of a forward pass with maps.

Peaks of PyTorch's allocations, counted by its profiler: exact, and equal in every round. Extra
memory is the peak with maps minus that of the floor or, for growth with tokens and classes, minus
that of our model without maps.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.cases import Case
from benchmarks.extraction import passes
from benchmarks.results import Figure, Outcome

LARGE = (Case("tiny", 448, 8, 20, 1), Case("base", 448, 8, 20, 1))
TOKENS = tuple(Case("tiny", 8 * side, 8, 20, 1) for side in (28, 40, 56, 80))
CLASSES = tuple(Case("tiny", 448, 8, classes, 1) for classes in (5, 20, 80))


def measure(rounds: int, device: str) -> Outcome:
    """Peaks and their growth, measured in one round."""
    figures = []
    for case in LARGE:
        found = passes(case, device)
        peaks = {name: peak_mb(found[name], device) for name in ("floor", "published", "explicit")}
        ours, explicit = (peaks[name] - peaks["floor"] for name in ("published", "explicit"))
        name = str(case)
        figures += [
            Figure("extra memory, published / explicit", name, [ours / explicit], most=0.1),
            Figure("extra memory, published", name, [ours], "MB"),
            Figure("extra memory, explicit", name, [explicit], "MB"),
            Figure("peak, floor", name, [peaks["floor"]], "MB"),
        ]
    for what, cases in (("tokens", TOKENS), ("classes", CLASSES)):
        extra = [maps_mb(case, device) for case in cases]
        sizes = [case.tokens if what == "tokens" else case.classes for case in cases]
        slope = float(np.polyfit(np.log(sizes), np.log(extra), 1)[0])
        figures += [
            Figure("maps beyond scores", str(case), [mb], "MB")
            for case, mb in zip(cases, extra, strict=True)
        ]
        title = f"growth with {what}, its exponent"
        figures.append(Figure(title, f"{sizes[0]} to {sizes[-1]} {what}", [slope], most=1.1))
    return Outcome(figures)


def maps_mb(case: Case, device: str) -> float:
    """Memory of maps beyond that of scores."""
    found = passes(case, device)
    return peak_mb(found["published"], device) - peak_mb(found["scores"], device)


def peak_mb(run: Callable[[], object], device: str) -> float:
    """Peak of PyTorch's allocations in a pass, minus those before it."""
    run()
    if device != "cpu":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    results = profiler.profiler.kineto_results
    changes = [event for event in results.events() if event.name() == "[memory]"]
    changes.sort(key=lambda event: event.start_ns())
    return float(max(accumulate(event.nbytes() for event in changes))) / 1e6

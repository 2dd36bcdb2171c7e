"""Time and memory of a classifier against the share of attention heads kept.

Compares the published model with some heads removed to the same model with all heads, on one CPU
thread or a GPU: a forward pass for scores, and one with maps of every layer.
"""

from __future__ import annotations

from functools import partial

import torch

from benchmarks.cases import Built, Case, build
from benchmarks.memory import peak_mb
from benchmarks.results import Figure, Outcome
from wsss.models.pruning import parameter_count, remove_closed_heads
from wsss.models.speed import forward
from wsss.timing import ratios, threads, time_in_turn

SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)
CASES = (Case("base", 224, 16, 8, 4), Case("small", 448, 8, 20, 1))
LEAST = 1.15


def measure(rounds: int, device: str) -> Outcome:
    """Speed and size relative to the model with all heads."""
    figures = []
    for case in CASES:
        whole = build(case, device, patch_head=False)
        kept = {share: keep(whole, share) for share in SHARES}
        passes = {
            (share, maps): partial(forward, built.model, built.images, maps)
            for share, built in kept.items()
            for maps in (False, True)
        }
        with threads(1):
            seconds = time_in_turn(passes, rounds)
        name = str(case)
        whole_mb = peak_mb(passes[1.0, True], device)
        for share, built in kept.items():
            title = f"{built.model.num_heads[0]} of {whole.model.num_heads[0]} heads"
            size = parameter_count(built.model) / parameter_count(whole.model)
            least = LEAST if share == 0.5 else None
            faster = ratios(seconds[1.0, False], seconds[share, False])
            with_maps = ratios(seconds[1.0, True], seconds[share, True])
            memory = peak_mb(passes[share, True], device) / whole_mb
            figures += [
                Figure(f"scores, all / {title}", name, faster, least=least),
                Figure(f"maps, all / {title}", name, with_maps),
                Figure(f"weights, {title} / all", name, [size]),
                Figure(f"peak memory, {title} / all", name, [memory]),
            ]
    return Outcome(figures)


def keep(whole: Built, share: float) -> Built:
    """The classifier with only the first heads of every layer."""
    heads = whole.model.num_heads
    gates = torch.zeros(len(heads), heads[0])
    gates[:, : round(share * heads[0])] = 1
    model = remove_closed_heads(whole.model, gates.to(whole.images.device))
    return Built(whole.config, model.eval(), whole.images, whole.labels)

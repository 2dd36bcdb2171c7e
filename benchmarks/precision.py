"""Time and memory of a training step with options of ``trainer``: bf16, compile, checkpointing.

The step is the default model's, with patch head and gates, as in `benchmarks.training`.
`pipelines.precision_table` measures the effect of bf16 and ``torch.compile`` on pseudo-masks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from benchmarks.cases import Case, build
from benchmarks.memory import peak_mb
from benchmarks.results import Figure, Outcome
from benchmarks.training import own_step, training
from wsss.models.block_runner import block_runner
from wsss.timing import ratios, time_in_turn

CASES = (Case("tiny", 224, 16, 8, 16), Case("base", 224, 16, 8, 8), Case("tiny", 448, 8, 20, 1))
OPTIONS: dict[str, dict[str, bool]] = {
    "fp32": {},
    "bf16": {"bf16": True},
    "fp32, compiled": {"compiled": True},
    "bf16, compiled": {"bf16": True, "compiled": True},
    "fp32, checkpointing": {"recompute": True},
}


def measure(rounds: int, device: str) -> Outcome:
    """Speed relative to fp32, and peak memory."""
    figures = []
    for case in CASES:
        steps = {name: step(case, device, **options) for name, options in OPTIONS.items()}
        seconds = time_in_turn(steps, rounds)
        name = str(case)
        for option in OPTIONS:
            if option == "fp32":
                continue
            least = 1.4 if option == "bf16" and has_bf16(device) else None
            faster = ratios(seconds["fp32"], seconds[option])
            figures.append(Figure(f"step, fp32 / {option}", name, faster, least=least))
        whole = peak_mb(steps["fp32"], device)
        for option in ("bf16", "fp32, checkpointing"):
            share = peak_mb(steps[option], device) / whole
            figures.append(Figure(f"peak memory, {option} / fp32", name, [share]))
    notes = []
    if not has_bf16(device):
        notes.append("this processor has no bf16 instructions: nothing is asked of it")
    return Outcome(figures, notes)


def has_bf16(device: str) -> bool:
    """Whether the device computes in bf16."""
    return device != "cpu" or torch.cpu._is_avx512_bf16_supported()


def step(
    case: Case, device: str, *, bf16: bool = False, compiled: bool = False, recompute: bool = False
) -> Callable[[], None]:
    """A training step with options."""
    built = build(case, device, patch_head=True, joint_gates=True)
    built.model.train_block = block_runner(compiled=compiled, recompute=recompute)
    run = partial(own_step, *training(built), built)

    def under_autocast() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            run()

    return under_autocast

"""Training step, against a bare vision transformer's and one that keeps all attention.

The floor is a bare transformer with PyTorch's fused attention, the same sizes and number of tokens,
and a single loss. The explicit formulation computes softmax(q k^T) v explicitly and keeps the
attention of every layer. Ours is the published model, and the default model with patch head and
gates; both draw masking and gates. The last block of the published model computes only class
tokens, since nothing else is read. All take AdamW steps in fp32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch.nn import functional as F

from benchmarks.cases import CASES, Built, Case, build
from benchmarks.results import Figure, Outcome
from benchmarks.yardsticks import BareViT
from wsss.timing import ratios, time_in_turn
from wsss.training.classifier import ClassifierTraining
from wsss.training.masking import absent_shares

EXPLICIT_GB = 8.0
"""The explicit formulation is left out if a step would keep more attention."""
TARGETS = {Case("base", 224, 16, 8, 8): 1.05, Case("tiny", 448, 8, 20, 1): 1.10}
TARGETS[Case("base", 448, 8, 20, 1)] = 1.10


def measure(rounds: int, device: str) -> Outcome:
    """Time ratios of steps."""
    figures, notes = [], []
    for case in CASES:
        steps = passes(case, device)
        seconds = time_in_turn(steps, rounds)
        floor, name = seconds["floor"], str(case)
        most = TARGETS.get(case)
        figures += [
            Figure("step, published / floor", name, ratios(seconds["published"], floor), most=most),
            Figure("step, default / floor", name, ratios(seconds["default"], floor), most=most),
        ]
        if "explicit" in seconds:
            explicit = ratios(seconds["explicit"], seconds["published"])
            figures.append(Figure("step, explicit / published", name, explicit))
        else:
            notes.append(f"{name}: explicit left out, over {EXPLICIT_GB:g} GB of attention")
        figures.append(Figure("step, floor", name, [1e3 * s for s in floor], "ms"))
    return Outcome(figures, notes)


def passes(case: Case, device: str) -> Mapping[str, Callable[[], None]]:
    """A step of each formulation."""
    published = build(case, device, patch_head=False)
    default = build(case, device, patch_head=True, joint_gates=True)
    found = {
        "floor": partial(bare_step, *bare(published, explicit=False), published),
        "published": partial(own_step, *training(published), published),
        "default": partial(own_step, *training(default), default),
    }
    layers, heads = len(published.model.blocks), published.model.num_heads[0]
    # Scores before and after softmax, and the gradient of one layer's.
    kept = 4 * case.batch * (2 * layers + 2) * heads * case.tokens**2 / 1e9
    if kept <= EXPLICIT_GB:
        found["explicit"] = partial(bare_step, *bare(published, explicit=True), published)
    return found


def bare(built: Built, explicit: bool) -> tuple[BareViT, torch.optim.Optimizer]:
    """A bare model and its optimizer."""
    model = BareViT(built.model, explicit).to(built.images.device)
    return model, torch.optim.AdamW(model.parameters(), lr=1e-5)


def bare_step(model: BareViT, optimizer: torch.optim.Optimizer, built: Built) -> None:
    """Forward, backward, update."""
    scores, _ = model(built.images)
    loss = F.binary_cross_entropy_with_logits(scores, built.labels)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad()


def training(built: Built) -> tuple[ClassifierTraining, torch.optim.Optimizer]:
    """Our training of a classifier, and its optimizer."""
    config, gate_training = built.config, built.config.pruning.with_classifier()
    if gate_training is not None:
        built.model.gates = gate_training.gates(built.model).to(built.images.device)
    module = ClassifierTraining(
        built.model,
        masking=config.masking,
        loss=config.loss,
        optimizer=config.optimizer,
        scheduler=config.scheduler,
        max_epochs=1,
        classes=[str(number) for number in range(built.labels.shape[1])],
        multi_label=True,
        seed=0,
        absent=absent_shares(built.labels),
        gate_training=gate_training,
    )
    return module, torch.optim.AdamW(built.model.parameters(), lr=1e-5)


def own_step(module: ClassifierTraining, optimizer: torch.optim.Optimizer, built: Built) -> None:
    """A step of `ClassifierTraining`, with masking, gates and losses."""
    loss = module.training_step({"image": built.images, "labels": built.labels}, 0)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad()

"""Forward pass with maps, against one without maps and one that keeps all attention.

Ours is `wsss.maps.class_maps.class_maps` with one view: attention of the published model, and the
default model's attention combined with patch scores. The floor computes only scores. All run
without gradients. The last block of the published model computes only class tokens, that of the
floor all tokens. Hence "scores" is the published model without maps, and "published / scores" is
the cost of maps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from benchmarks.cases import CASES, Built, Case, build
from benchmarks.results import Figure, Outcome
from benchmarks.yardsticks import BareViT, explicit_maps
from wsss.maps.class_maps import class_maps
from wsss.maps.config import AttentionConfig
from wsss.models.vit import ClassTokenViT
from wsss.timing import ratios, time_in_turn

EXPLICIT_GB = 12.0
"""The explicit formulation is left out if it would keep more attention."""


def measure(rounds: int, device: str) -> Outcome:
    """Time ratios of passes with maps."""
    figures, notes = [], []
    for case in CASES:
        seconds = time_in_turn(passes(case, device), rounds)
        floor, name = seconds["floor"], str(case)
        for ours in ("published", "default"):
            maps = ratios(seconds[ours], floor)
            figures.append(Figure(f"maps, {ours} / floor", name, maps, most=1.10))
        figures.append(Figure("scores, published / floor", name, ratios(seconds["scores"], floor)))
        beyond = ratios(seconds["published"], seconds["scores"])
        figures.append(Figure("maps, published / scores", name, beyond))
        if "explicit" in seconds:
            least = 3.0 if case.patch == 8 else None
            explicit = ratios(seconds["explicit"], seconds["published"])
            figures.append(Figure("maps, explicit / published", name, explicit, least=least))
        else:
            notes.append(f"{name}: explicit left out, over {EXPLICIT_GB:g} GB of attention")
        speed = [case.batch / s for s in seconds["published"]]
        figures.append(Figure("maps, published", name, speed, "images/s"))
    return Outcome(figures, notes)


def passes(case: Case, device: str) -> Mapping[str, Callable[[], object]]:
    """A pass of each formulation."""
    published = build(case, device, patch_head=False)
    default = build(case, device, patch_head=True)
    found = {
        "floor": partial(silently, forward, BareViT(published.model), published),
        "scores": partial(silently, forward, published.model.eval(), published),
        "published": partial(silently, own_maps, published.model.eval(), published),
        "default": partial(silently, own_maps, default.model.eval(), default),
    }
    if attention_gb(case, published) <= EXPLICIT_GB:
        explicit = BareViT(published.model, explicit=True)
        found["explicit"] = partial(silently, written_out, explicit, published)
    return found


def attention_gb(case: Case, built: Built) -> float:
    """Memory of the attention that the explicit formulation keeps, including the stacked copy."""
    return 2 * 4 * case.batch * sum(built.model.num_heads) * case.tokens**2 / 1e9


@torch.inference_mode()
def silently(run: Callable[[nn.Module, Built], object], model: nn.Module, built: Built) -> None:
    """Run without gradients."""
    run(model.to(built.images.device), built)


def forward(model: nn.Module, built: Built) -> object:
    """Compute scores."""
    return model(built.images)


def written_out(model: nn.Module, built: Built) -> object:
    """Compute scores and maps by the explicit formulation."""
    assert isinstance(model, BareViT)
    return explicit_maps(model, built.images)


def own_maps(model: nn.Module, built: Built) -> object:
    """Compute scores and maps of one view, as in stage ``extract``."""
    assert isinstance(model, ClassTokenViT)
    return class_maps(model, built.images, one_view(built))


def one_view(built: Built) -> AttentionConfig:
    """The config's attention settings with one view at the images' size."""
    return replace(built.config.attention, scales=[1.0], flip=False)

"""How much time a pruned classifier saves."""

from __future__ import annotations

import statistics
from functools import partial

import torch
from torch import Tensor

from wsss.models.pruning import remove_closed_heads
from wsss.models.vit import ClassTokenViT
from wsss.timing import ratios, threads, time_in_turn


def speed_ratio(
    before: ClassTokenViT,
    after: ClassTokenViT,
    images: Tensor,
    *,
    rounds: int,
    attention: bool = False,
) -> float:
    """Time of a forward pass after pruning, divided by that before, on one thread.

    Args:
        before: classifier with all its heads; its gates are ignored.
        after: classifier without the closed heads.
        images: ``[B, bands, H, W]``, on the CPU like both classifiers.
        rounds: how often both run in turn.
        attention: also return the class attention of every layer.

    Returns:
        the median of the ratios of all rounds, below 1 where pruning saves time.
    """
    passes = {
        name: partial(forward, model, images, attention)
        for name, model in (("before", without_gates(before)), ("after", after))
    }
    with threads(1):
        seconds = time_in_turn(passes, rounds)
    return statistics.median(ratios(seconds["after"], seconds["before"]))


@torch.inference_mode()
def forward(model: ClassTokenViT, images: Tensor, attention: bool) -> None:
    """Compute class scores and, with ``attention``, the class attention of every layer."""
    model.score(images, return_attention=attention)


def without_gates(model: ClassTokenViT) -> ClassTokenViT:
    """The model itself or, if it has gates, a copy without them and with all heads open."""
    if model.gates is None:
        return model
    return remove_closed_heads(model, torch.ones_like(model.gates.log_a))

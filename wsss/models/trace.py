"""Inputs of the blocks of a transformer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from wsss.models.vit import ClassTokenViT


@contextmanager
def block_inputs(model: ClassTokenViT) -> Iterator[list[Tensor]]:
    """Collect the input ``[B, T, D]`` of every block that runs within the context, in order.

    From it a block's attention can be recomputed, a few rows at a time, if the matrices of
    all layers would not fit in memory.
    """
    inputs: list[Tensor] = []
    hooks = [
        block.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
        for block in model.blocks
    ]
    try:
        yield inputs
    finally:
        for hook in hooks:
            hook.remove()

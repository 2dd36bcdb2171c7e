"""What goes into the blocks of a transformer while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from wsss.models.vit import ClassTokenViT


@contextmanager
def block_inputs(model: ClassTokenViT) -> Iterator[list[Tensor]]:
    """Collect the tokens ``[B, T, D]`` that every block is given within the context, in order.

    From them a block's attention can be had again, a few rows at a time, where the matrices of
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

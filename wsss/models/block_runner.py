"""Ways to run the blocks of a transformer in training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

BlockOutput = tuple[Tensor, Tensor | None]
BlockRunner = Callable[..., BlockOutput]
"""Calls its first argument, a block, with the other arguments."""


def run_block(block: nn.Module, *args: Any, **kwargs: Any) -> BlockOutput:
    """Call the block directly."""
    output: BlockOutput = block(*args, **kwargs)
    return output


def block_runner(*, compiled: bool, recompute: bool) -> BlockRunner:
    """A runner for training.

    Args:
        compiled: use ``torch.compile``, which needs a C++ compiler, or Triton on a GPU. Every
            shape is compiled separately, so that bits do not depend on their order. The first step
            takes up to a minute, and the last digits of results change.
        recompute: gradient checkpointing (Chen et al., "Training Deep Nets with Sublinear Memory
            Cost", 2016): only the input of every block is kept, and its forward pass is repeated
            in the backward pass. Results are bit-identical.
    """
    run: BlockRunner = torch.compile(run_block, dynamic=False) if compiled else run_block
    return partial(checkpoint, run, use_reentrant=False) if recompute else run

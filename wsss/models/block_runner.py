"""How the blocks of a transformer run in training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

BlockOutput = tuple[Tensor, Tensor | None]
BlockRunner = Callable[..., BlockOutput]
"""Calls a block, the first argument, with the others."""


def run_block(block: nn.Module, *args: Any, **kwargs: Any) -> BlockOutput:
    """As it is."""
    output: BlockOutput = block(*args, **kwargs)
    return output


def block_runner(*, compiled: bool, recompute: bool) -> BlockRunner:
    """A runner for training.

    Args:
        compiled: through ``torch.compile``, which needs a C++ compiler, or Triton on a GPU. Every
            shape is compiled for itself, so that bits do not depend on which came first; the first
            step takes up to a minute. Last digits change.
        recompute: gradient checkpointing (Chen et al., "Training Deep Nets with Sublinear Memory
            Cost", 2016): of every block only the input is kept, and its forward pass runs a second
            time in the backward pass. No bit changes.
    """
    run: BlockRunner = torch.compile(run_block, dynamic=False) if compiled else run_block
    return partial(checkpoint, run, use_reentrant=False) if recompute else run

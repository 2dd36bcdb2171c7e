"""Initial weights of a vision transformer."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


def initialise(
    parameters: Iterable[tuple[str, nn.Parameter]], generator: torch.Generator | None
) -> None:
    """Truncated normal of 0.02 for weights and embeddings, zero for biases, as in DeiT.

    Weights of norms stay as they are.

    Args:
        parameters: by name.
        generator: draws the weights; PyTorch's default generator if not given.
    """
    for name, parameter in parameters:
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif "norm" not in name and parameter.numel() > 0:
            nn.init.trunc_normal_(parameter, std=0.02, generator=generator)

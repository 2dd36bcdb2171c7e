"""The gates that stage ``prune`` stores."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

GATES = "gates.json"


def head_weights(directory: Path) -> list[Tensor] | None:
    """Soft gates of the remaining heads, normalised to sum to 1 in every layer.

    Args:
        directory: the stage's artifact.

    Returns:
        per layer ``[heads]`` of the remaining heads, or ``None`` if nothing was pruned.
    """
    if not (directory / GATES).exists():
        return None
    gates = json.loads((directory / GATES).read_text())
    weights = []
    for soft, hard in zip(gates["soft"], gates["hard"], strict=True):
        left = torch.tensor([gate for gate, is_open in zip(soft, hard, strict=True) if is_open])
        left = (
            left if left.any() else torch.ones_like(left)
        )  # with `keep`, a remaining gate can be 0
        weights.append(left / left.sum())
    return weights

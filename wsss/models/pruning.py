"""Remove closed heads from a classifier, so that it is smaller and faster, not only masked."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from wsss.models.vit import ClassTokenViT


@torch.no_grad()
def remove_closed_heads(model: ClassTokenViT, gates: Tensor) -> ClassTokenViT:
    """A copy of the model without the heads whose gate is 0.

    Its class scores equal those of the model with these gates. Its class attention is the mean
    over the heads that remain; a layer without heads gives maps of zero.

    Args:
        model: every block with the same number of heads.
        gates: ``[L, heads]`` of 0 and 1.

    Returns:
        The smaller model, without gates.
    """
    keep = gates.bool()
    num_heads = tuple(int(row.sum()) for row in keep)
    smaller = ClassTokenViT(replace(model.architecture, num_heads=num_heads))
    state = {n: v for n, v in model.state_dict().items() if not n.startswith("gates.")}
    for layer, row in enumerate(keep):
        channels = row.repeat_interleave(model.architecture.head_dim)
        prefix = f"blocks.{layer}.attn"
        for part in ("weight", "bias"):
            if (name := f"{prefix}.qkv.{part}") in state:
                state[name] = state[name][channels.repeat(3)]
        state[f"{prefix}.proj.weight"] = state[f"{prefix}.proj.weight"][:, channels]
    smaller.load_state_dict(state)
    return smaller.train(model.training)


def parameter_count(model: nn.Module) -> int:
    """Number of weights."""
    return sum(parameter.numel() for parameter in model.parameters())

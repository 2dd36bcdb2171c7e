"""Take closed heads out of a classifier, so that it is smaller and faster, not only masked."""

from __future__ import annotations

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
        gates: ``[layers, heads]`` of 0 and 1.

    Returns:
        The smaller model, without gates.
    """
    keep = gates.bool()
    smaller = architecture_of(model, [int(row.sum()) for row in keep])
    state = {n: v for n, v in model.state_dict().items() if not n.startswith("gates.")}
    for layer, row in enumerate(keep):
        channels = row.repeat_interleave(model.head_dim)
        prefix = f"blocks.{layer}.attn"
        for part in ("weight", "bias"):
            if (name := f"{prefix}.qkv.{part}") in state:
                state[name] = state[name][channels.repeat(3)]
        state[f"{prefix}.proj.weight"] = state[f"{prefix}.proj.weight"][:, channels]
    smaller.load_state_dict(state)
    return smaller.train(model.training)


def architecture_of(model: ClassTokenViT, num_heads: list[int]) -> ClassTokenViT:
    """A fresh model of the same sizes, but with ``num_heads[layer]`` heads per block."""
    return ClassTokenViT(**architecture(model) | {"num_heads": num_heads})  # type: ignore[arg-type]


def architecture(model: ClassTokenViT) -> dict[str, object]:
    """The constructor arguments that rebuild the model, JSON-ready."""
    return {
        "image_size": [model.grid[i] * model.patch_size[i] for i in (0, 1)],
        "patch_size": list(model.patch_size),
        "in_channels": model.patch_embed.proj.in_channels,
        "num_classes": model.num_classes,
        "embed_dim": model.cls_token.shape[-1],
        "depth": len(model.blocks),
        "num_heads": list(model.num_heads),
        "head_dim": model.head_dim,
        "mlp_ratio": model.mlp_ratio,
        "qkv_bias": model.qkv_bias,
        "norm_eps": model.norm_eps,
        "class_tokens": "per_class" if model.num_tokens == model.num_classes else "shared",
        "register_token": model.register_token is not None,
        "token_head": model.token_head,
        "patch_head": "none" if model.patch_head is None else model.patch_head.pooling,
    }


def parameter_count(model: nn.Module) -> int:
    """Number of weights."""
    return sum(parameter.numel() for parameter in model.parameters())

"""Reading released checkpoints of class-token transformers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wsss.errors import UserError
from wsss.models.architecture import Architecture


def read_architecture(
    tensors: Mapping[str, Tensor], num_heads: int, *, register_token: bool, **settings: Any
) -> Architecture:
    """The architecture that the shapes of encoder weights imply.

    Args:
        tensors: by this project's names.
        num_heads: number of heads per block, the one size that no tensor implies.
        register_token: the last position is that of a register token.
        **settings: of `Architecture.of`, for what tensors do not imply.

    Raises:
        UserError: a tensor is missing, or the patches do not form a square.
        ValueError: sizes that do not fit together.
    """
    num_classes, embed_dim = find_tensor(tensors, "cls_token").shape[1:]
    patch = find_tensor(tensors, "patch_embed.proj.weight")
    patches = find_tensor(tensors, "pos_embed").shape[1] - num_classes - register_token
    side = math.isqrt(max(patches, 0))
    if side * side != patches:
        raise UserError(f"released checkpoint: pos_embed holds {patches} patches, not a square")
    fc1 = find_tensor(tensors, "blocks.0.mlp.fc1.weight")
    return Architecture.of(
        image_size=(side * patch.shape[2], side * patch.shape[3]),
        patch_size=(patch.shape[2], patch.shape[3]),
        in_channels=patch.shape[1],
        num_classes=num_classes,
        embed_dim=embed_dim,
        depth=1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks.")),
        num_heads=num_heads,
        mlp_ratio=fc1.shape[0] / embed_dim,
        qkv_bias="blocks.0.attn.qkv.bias" in tensors,
        register_token=register_token,
        **settings,
    )


def find_tensor(tensors: Mapping[str, Tensor], *names: str) -> Tensor:
    """The first tensor under one of the names; `UserError` if there is none."""
    for name in names:
        if name in tensors:
            return tensors[name]
    raise UserError(f"released checkpoint has no tensor '{names[0]}'; is it from another model?")


def checked_tensors(path: Path, content: Mapping[Any, Any]) -> dict[str, Tensor]:
    """The tensors of a file that somebody else made, by name.

    Raises:
        UserError: names what is no dense tensor of real, finite numbers.
    """
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise UserError(f"checkpoint {path} is no state dict: {name!r} names no tensor")
        if fault := _fault(value):
            raise UserError(f"checkpoint {path}: tensor '{name}' {fault}")
    return dict(content)


def _fault(tensor: Tensor) -> str | None:
    if tensor.is_meta:
        return "has a shape but no values"
    if tensor.layout != torch.strided or tensor.is_quantized:
        return "is sparse or quantised; save it dense, as float32"
    if tensor.is_complex():
        return "is complex; weights are real numbers"
    if tensor.is_floating_point() and not bool(tensor.float().isfinite().all()):
        return "holds NaN or infinite numbers; was its training broken off?"
    return None

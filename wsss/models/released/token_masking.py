"""Import of checkpoints released with "Know Your Attention Maps" (TokenMasking-WSSS)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from wsss.errors import UserError
from wsss.models.gates import HeadGates
from wsss.models.vit import ClassTokenViT

#: Stored in the release, but without influence on its class scores or class attention.
UNUSED = ("norm.", "head.", "classifier_head_test.")
_GATE = re.compile(r"blocks\.(\d+)\.attn\.gate\.log_a")


def import_release(state_dict: Mapping[str, Tensor], num_heads: int) -> ClassTokenViT:
    """Build the model from a release checkpoint; every size is read off the tensors.

    Args:
        state_dict: names as released (``mct.*`` and ``classifier_head_test.*``), with or without
            Lightning's ``model.`` prefix, with or without gates.
        num_heads: heads per block, the one size that no tensor tells.

    Returns:
        The model in evaluation mode. Where the checkpoint has gates, ``model.gates`` holds them
        and `ClassTokenViT.forward` applies them hard, as the release does.

    Raises:
        UserError: where a tensor is missing, left over or of an unexpected shape.
    """
    tensors = {name.removeprefix("model."): value.float() for name, value in state_dict.items()}
    encoder = {n.removeprefix("mct."): v for n, v in tensors.items() if n.startswith("mct.")}
    for part in ("weight", "bias"):
        name = f"classifier_head_test.{part}"
        # The release stores the layer at the top level and again, identical, inside the encoder.
        encoder[f"classifier.{part}"] = find_tensor(tensors, name, f"mct.{name}")
    gates = {int(m[1]): v for n, v in encoder.items() if (m := _GATE.fullmatch(n))}
    kept = {
        name: value
        for name, value in encoder.items()
        if not name.startswith(UNUSED) and not _GATE.fullmatch(name)
    }

    try:
        model = _empty_model(kept, num_heads)
        model.load_state_dict(kept)
    except (RuntimeError, ValueError, IndexError) as error:
        raise UserError(f"release checkpoint does not fit: {one_line(error)}") from error
    if gates:
        model.gates = _gates(gates, len(model.blocks), num_heads)
    return model.eval()


def _empty_model(tensors: Mapping[str, Tensor], num_heads: int) -> ClassTokenViT:
    num_classes, embed_dim = find_tensor(tensors, "cls_token").shape[1:]
    patch = find_tensor(tensors, "patch_embed.proj.weight")
    patches = find_tensor(tensors, "pos_embed").shape[1] - num_classes - 1
    side = math.isqrt(patches)
    if side * side != patches:
        raise UserError(f"release checkpoint: pos_embed holds {patches} patches, not a square")
    if embed_dim % num_heads:
        raise UserError(f"num_heads {num_heads} does not divide the token width {embed_dim}")
    fc1 = find_tensor(tensors, "blocks.0.mlp.fc1.weight")
    return ClassTokenViT(
        image_size=(side * patch.shape[2], side * patch.shape[3]),
        patch_size=(patch.shape[2], patch.shape[3]),
        in_channels=patch.shape[1],
        num_classes=num_classes,
        embed_dim=embed_dim,
        depth=1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks.")),
        num_heads=num_heads,
        mlp_ratio=fc1.shape[0] / embed_dim,
        qkv_bias="blocks.0.attn.qkv.bias" in tensors,
    )


def _gates(found: Mapping[int, Tensor], depth: int, num_heads: int) -> HeadGates:
    """Gates of all blocks; a block without any counts as fully open."""
    gates = HeadGates(depth, num_heads)
    with torch.no_grad():
        for layer in range(depth):
            always_open = torch.full((num_heads,), 20.0)
            values = found[layer].flatten() if layer in found else always_open
            if len(values) != num_heads:
                raise UserError(f"gate of block {layer} has {len(values)} heads, not {num_heads}")
            gates.log_a[layer] = values
    return gates


def find_tensor(tensors: Mapping[str, Tensor], *names: str) -> Tensor:
    """The first of some tensors that is there; `UserError` where none is."""
    for name in names:
        if name in tensors:
            return tensors[name]
    raise UserError(f"release checkpoint has no tensor '{names[0]}'; is it of another model?")


def one_line(error: Exception) -> str:
    """What an error says, without line breaks."""
    return " ".join(str(error).split())

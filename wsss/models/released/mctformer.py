"""Import of checkpoints released with MCTformer-V1, MCTformer-V2 and MCTformer+."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from wsss.errors import UserError
from wsss.models.released.token_masking import find_tensor, one_line
from wsss.models.vit import ClassTokenViT

#: Stored in these releases, but without influence on their outputs.
UNUSED = ("norm.", "head_dist.", "dist_token")
_NORM_EPS = 1e-6


def is_mctformer(names: Mapping[str, Tensor]) -> bool:
    """Whether a state dict has these releases' names and not this project's."""
    bare = {_bare(name) for name in names}
    return "cls_token" in bare and not bare & {"classifier.weight", "patch_head.conv.weight"}


def import_mctformer(state_dict: Mapping[str, Tensor], num_heads: int) -> ClassTokenViT:
    """Build the model from a release checkpoint; every size is read off the tensors.

    MCTformer-V1 and V2 (Xu et al., CVPR 2022) have one ``pos_embed`` for class tokens and patches,
    MCTformer+ (Xu et al., 2023) has ``pos_embed_cls`` and ``pos_embed_pat``. A convolution as
    ``head`` is the patch head: of V2 with average pooling, of MCTformer+ with ranked.

    Args:
        state_dict: names as released, also with the prefix ``module.`` or ``model.``.
        num_heads: heads per block, the one size that no tensor tells.

    Returns:
        The model in evaluation mode.

    Raises:
        UserError: where a tensor is missing, left over or of an unexpected shape.
    """
    tensors = {_bare(name): value.float() for name, value in state_dict.items()}
    plus = "pos_embed_pat" in tensors
    if plus:
        parts = [find_tensor(tensors, f"pos_embed_{part}") for part in ("cls", "pat")]
        tensors["pos_embed"] = torch.cat(parts, dim=1)  # the old one is unused
    is_head = tensors.get("head.weight", torch.empty(0)).ndim == 4
    kept = {
        name: value
        for name, value in tensors.items()
        if not name.startswith((*UNUSED, "head.", "pos_embed_"))
    }
    if is_head:
        for part in ("weight", "bias"):
            kept[f"patch_head.conv.{part}"] = find_tensor(tensors, f"head.{part}")
    pooling = ("ranked" if plus else "average") if is_head else "none"
    try:
        model = _empty_model(kept, num_heads, pooling)
        model.load_state_dict(kept)
    except (RuntimeError, ValueError, IndexError) as error:
        raise UserError(f"MCTformer checkpoint does not fit: {one_line(error)}") from error
    return model.eval()


def _empty_model(tensors: Mapping[str, Tensor], num_heads: int, pooling: str) -> ClassTokenViT:
    num_classes, embed_dim = find_tensor(tensors, "cls_token").shape[1:]
    patch = find_tensor(tensors, "patch_embed.proj.weight")
    patches = find_tensor(tensors, "pos_embed").shape[1] - num_classes
    side = math.isqrt(max(patches, 0))
    if side * side != patches:
        raise UserError(f"MCTformer checkpoint: pos_embed holds {patches} patches, not a square")
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
        norm_eps=_NORM_EPS,
        register_token=False,
        token_head="mean",
        patch_head=pooling,
    )


def _bare(name: str) -> str:
    return name.removeprefix("module.").removeprefix("model.")

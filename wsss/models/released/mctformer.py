"""Import of checkpoints released with MCTformer-V1, MCTformer-V2 and MCTformer+."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from wsss.errors import UserError, one_line
from wsss.models.released.tensors import find_tensor, read_architecture
from wsss.models.vit import ClassTokenViT

#: Stored in these releases, but without influence on their outputs.
UNUSED = ("norm.", "head_dist.", "dist_token")
_NORM_EPS = 1e-6


def is_mctformer(names: Mapping[str, Tensor]) -> bool:
    """Whether a state dict has the names of these releases, not those of this project."""
    bare = {_bare(name) for name in names}
    return "cls_token" in bare and not bare & {"classifier.weight", "patch_head.conv.weight"}


def import_mctformer(state_dict: Mapping[str, Tensor], num_heads: int) -> ClassTokenViT:
    """Build the model from a released checkpoint; sizes are those of its tensors.

    MCTformer-V1 and V2 (Xu et al., CVPR 2022) have one ``pos_embed`` for class tokens and patches,
    MCTformer+ (Xu et al., 2023) has ``pos_embed_cls`` and ``pos_embed_pat``. A convolution as
    ``head`` is the patch head: of V2 with average pooling, of MCTformer+ with ranked.

    Args:
        state_dict: names as released, also with the prefix ``module.`` or ``model.``.
        num_heads: heads per block, the one size that no tensor implies.

    Returns:
        The model in evaluation mode.

    Raises:
        UserError: a tensor is missing, unknown or of an unexpected shape.
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
        architecture = read_architecture(
            kept,
            num_heads,
            register_token=False,
            norm_eps=_NORM_EPS,
            token_head="mean",
            patch_head=pooling,
        )
        model = ClassTokenViT(architecture)
        model.load_state_dict(kept)
    except (RuntimeError, ValueError, IndexError) as error:
        raise UserError(f"MCTformer checkpoint does not fit: {one_line(error)}") from error
    return model.eval()


def _bare(name: str) -> str:
    return name.removeprefix("module.").removeprefix("model.")

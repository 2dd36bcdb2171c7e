"""Convert the names of encoder weights in released vision transformers to this project's.

This project has timm's names, as do the releases of DeiT, DINO, DINOv2, MAE and SSL4EO-S12.
Hugging Face uses other names for its ViT, DeiT, ViT-MAE and DINOv2 models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from wsss.errors import UserError

#: Encoders to prefer, in order, in files of self-supervised training, which hold several.
_PREFERRED = ("teacher.", "base_encoder.", "student.")
_HUGGING_FACE = (
    (r"embeddings\.(cls_token|distillation_token|register_tokens|mask_token)", r"\1"),
    (r"embeddings\.position_embeddings", "pos_embed"),
    (r"embeddings\.patch_embeddings\.projection\.(weight|bias)", r"patch_embed.proj.\1"),
    (r"layernorm\.(weight|bias)", r"norm.\1"),
    (r"encoder\.layer\.(\d+)\.(?:layernorm_before|norm1)\.(\w+)", r"blocks.\1.norm1.\2"),
    (r"encoder\.layer\.(\d+)\.(?:layernorm_after|norm2)\.(\w+)", r"blocks.\1.norm2.\2"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.(\w+)", r"blocks.\1.attn.proj.\2"),
    (r"encoder\.layer\.(\d+)\.(?:intermediate\.dense|mlp\.fc1)\.(\w+)", r"blocks.\1.mlp.fc1.\2"),
    (r"encoder\.layer\.(\d+)\.(?:output\.dense|mlp\.fc2)\.(\w+)", r"blocks.\1.mlp.fc2.\2"),
    (r"encoder\.layer\.(\d+)\.layer_scale([12])\.lambda1", r"blocks.\1.ls\2.gamma"),
)
_PART = re.compile(r"encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(weight|bias)")
_SCALED = {"ls1": "attn.proj", "ls2": "mlp.fc2"}


def encoder_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of one encoder under timm's names, with layer scale folded into the layer before it.

    Tensors of other parts (decoders, heads) keep their names.

    Raises:
        UserError: the weights have no class token, so they are not a vision transformer.
    """
    if any("relative_position" in name for name in state):
        raise UserError("it has relative positions, as BEiT, which the model does not support")
    prefix = _prefix(state)
    plain = {n.removeprefix(prefix): v.float() for n, v in state.items() if n.startswith(prefix)}
    if "embeddings.cls_token" in plain:
        plain = _from_hugging_face(plain)
    for name in [n for n in plain if n.endswith((".ls1.gamma", ".ls2.gamma"))]:
        block, _, scale = name.removesuffix(".gamma").rpartition(".")
        gamma = plain.pop(name)
        for part in ("weight", "bias"):
            target = f"{block}.{_SCALED[scale]}.{part}"
            plain[target] = plain[target] * (gamma[:, None] if part == "weight" else gamma)
    return plain


def _prefix(state: Mapping[str, Tensor]) -> str:
    """Prefix of the names of the encoder, e.g. ``module.backbone.``."""
    found = [
        name.removesuffix("cls_token").removesuffix("embeddings.")
        for name in state
        if name == "cls_token" or name.endswith(".cls_token")
    ]
    found = [prefix for prefix in found if "decoder" not in prefix]
    if not found:
        raise UserError("no class token among its weights: it is not a vision transformer")
    for preferred in _PREFERRED:
        for prefix in found:
            if preferred in prefix:
                return prefix
    return min(found, key=len)


def _from_hugging_face(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convert to timm's names; queries, keys and values become one matrix."""
    renamed: dict[str, Tensor] = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        if match := _PART.fullmatch(name):
            layer, part, kind = match.groups()
            parts.setdefault(f"blocks.{layer}.attn.qkv.{kind}", {})[part] = value
            continue
        for pattern, ours in _HUGGING_FACE:
            if re.fullmatch(pattern, name):
                name = re.sub(pattern, ours, name)
                break
        renamed[name] = value
    for name, members in parts.items():
        if missing := {"query", "key", "value"} - members.keys():
            raise UserError(f"{name} has no {sorted(missing)[0]}")
        renamed[name] = torch.cat([members[part] for part in ("query", "key", "value")])
    return renamed

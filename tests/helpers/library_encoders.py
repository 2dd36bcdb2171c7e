"""Tiny encoders of the library transformers, as Hugging Face publishes encoders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from wsss.models.library_description import FAMILIES

WIDTH, PATCH = 32, 8
_SIZES: dict[str, Any] = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": PATCH,
}
_MORE: Mapping[str, dict[str, Any]] = {
    "dinov2": {"mlp_ratio": 2},
    "dinov2_with_registers": {"mlp_ratio": 2, "num_register_tokens": 3},
    "dinov3_vit": {"intermediate_size": 48, "num_register_tokens": 4},
    "vit_mae": {"intermediate_size": 48, "mask_ratio": 0.0},
}


def network(kind: str, **sizes: int) -> Any:
    """The library's own network of a family, with random weights, every one of which counts."""
    import transformers

    family = FAMILIES[kind]
    more = _MORE.get(kind, {"intermediate_size": 48})
    model = getattr(transformers, family.network)(
        getattr(transformers, family.settings)(**(_SIZES | more | sizes))
    ).eval()
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model


def published(kind: str, directory: Path, **sizes: int) -> Path:
    """A directory with such a network."""
    network(kind, **sizes).save_pretrained(directory)
    return directory


def tokens(theirs: Any, images: torch.Tensor) -> torch.Tensor:
    """All tokens ``[B, T, D]`` by the library's forward pass, at any size."""
    kind, count = theirs.config.model_type, (images.shape[-2] * images.shape[-1]) // PATCH**2
    options: dict[str, Any] = {}
    if FAMILIES[kind].interpolates:
        options["interpolate_pos_encoding"] = True
    if kind == "vit_mae":
        options["noise"] = torch.arange(count, dtype=torch.float).expand(len(images), -1)
    with torch.no_grad():
        found: torch.Tensor = theirs(images, **options).last_hidden_state
    return found

"""Encoders of the library transformers, as described by the ``config.json`` beside their weights.

Without PyTorch, so that a setting is checked before anything slow is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsss.errors import UserError
from wsss.records import read_object

#: All that shapes an encoder. Nothing else of a file is passed on: it could name code to fetch.
_SHAPING = frozenset(
    [
        *("hidden_size", "intermediate_size", "mlp_ratio", "num_hidden_layers"),
        *("num_attention_heads", "num_channels", "image_size", "patch_size", "hidden_act"),
        *("layer_norm_eps", "qkv_bias", "query_bias", "key_bias", "value_bias", "proj_bias"),
        *("mlp_bias", "use_swiglu_ffn", "use_gated_mlp", "num_register_tokens", "rope_theta"),
    ]
)


@dataclass(frozen=True)
class Family:
    """A vision transformer of the library."""

    network: str
    """Name of the class of the network."""
    settings: str
    """Name of the class of its settings."""
    interpolates: bool
    """Other sizes than its own must be asked for."""
    options: Mapping[str, Any]
    """Arguments of the network that leave out what no patch token depends on."""


_NO_POOLER: dict[str, Any] = {"add_pooling_layer": False}
FAMILIES: Mapping[str, Family] = {
    "clip_vision_model": Family("CLIPVisionModel", "CLIPVisionConfig", True, {}),
    "deit": Family("DeiTModel", "DeiTConfig", True, _NO_POOLER),
    "dinov2": Family("Dinov2Model", "Dinov2Config", False, {}),
    "dinov2_with_registers": Family(
        "Dinov2WithRegistersModel", "Dinov2WithRegistersConfig", False, {}
    ),
    "dinov3_vit": Family("DINOv3ViTModel", "DINOv3ViTConfig", False, {}),
    "siglip_vision_model": Family("SiglipVisionModel", "SiglipVisionConfig", True, {}),
    "vit": Family("ViTModel", "ViTConfig", True, _NO_POOLER),
    "vit_mae": Family("ViTMAEModel", "ViTMAEConfig", True, {}),
}
"""By ``model_type``."""
_WITH_TEXT = {"clip": "clip_vision_model", "siglip": "siglip_vision_model"}


def read_description(directory: Path) -> dict[str, Any]:
    """``model_type`` and all that shapes the encoder in a directory of Hugging Face.

    Of a model of images and texts it is the encoder of images.

    Raises:
        UserError: no readable ``config.json``, or another model.
    """
    path = directory / "config.json"
    try:
        found = read_object(path.resolve())  # a cache holds links
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"model.pretrained={directory} has no config.json, which model.encoder=transformers "
            "reads: give the directory that Hugging Face publishes"
        ) from error
    kind = str(found.get("model_type"))
    described: Any = found
    if kind in _WITH_TEXT:
        described, kind = found.get("vision_config"), _WITH_TEXT[kind]
    if kind not in FAMILIES or not isinstance(described, dict):
        valid = ", ".join(sorted({*FAMILIES, *_WITH_TEXT}))
        raise UserError(f"{path}: model_type is '{kind}'; valid: {valid}")
    shape = {key: value for key, value in described.items() if key in _SHAPING}
    return {"model_type": kind} | shape


def read_normalisation(directory: Path) -> tuple[Any, Any] | None:
    """Mean and deviation of each band that an encoder expects, for values in [0, 1].

    ``None`` without a ``preprocessor_config.json`` that gives them.
    """
    path = directory / "preprocessor_config.json"
    if not path.is_file():
        return None
    found = read_object(path.resolve())
    lists = [found.get("image_mean"), found.get("image_std")]
    for values in lists:
        if not isinstance(values, list) or not all(isinstance(v, float | int) for v in values):
            return None
    return lists[0], lists[1]

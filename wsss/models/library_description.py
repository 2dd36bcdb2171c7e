"""Encoders of the library transformers, as described by the ``config.json`` beside their weights.

Without PyTorch, so that a setting is checked before anything slow is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wsss.errors import UserError
from wsss.models.normalisation import name_of
from wsss.records import read_object

#: All that shapes an encoder. Nothing else of a file is passed on: it could name code to fetch.
SHAPING = frozenset(
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
    normalisation: str = "imagenet"
    """Of its images, where no file says; one of `wsss.models.normalisation.KNOWN`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the network that leave out what no patch token depends on."""


_NO_POOLER: dict[str, Any] = {"add_pooling_layer": False}
FAMILIES: Mapping[str, Family] = {
    "clip_vision_model": Family("CLIPVisionModel", "CLIPVisionConfig", True, "clip"),
    "deit": Family("DeiTModel", "DeiTConfig", True, options=_NO_POOLER),
    "dinov2": Family("Dinov2Model", "Dinov2Config", False),
    "dinov2_with_registers": Family("Dinov2WithRegistersModel", "Dinov2WithRegistersConfig", False),
    "dinov3_vit": Family("DINOv3ViTModel", "DINOv3ViTConfig", False),
    "siglip_vision_model": Family("SiglipVisionModel", "SiglipVisionConfig", True, "half"),
    "vit": Family("ViTModel", "ViTConfig", True, "half", _NO_POOLER),
    "vit_mae": Family("ViTMAEModel", "ViTMAEConfig", True),
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
        found = _read(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"model.pretrained={directory} has no config.json, which model.encoder=transformers "
            "reads: give the directory that Hugging Face publishes"
        ) from error
    kind = str(found.get("model_type"))
    described: Any = found
    if kind in _WITH_TEXT:
        described, kind = found.get("vision_config"), _WITH_TEXT[kind]
        if not isinstance(described, dict):
            raise UserError(f"{path} has no vision_config, which describes the encoder of images")
    if kind not in FAMILIES:
        valid = ", ".join(sorted({*FAMILIES, *_WITH_TEXT}))
        raise UserError(f"{path}: model_type is '{kind}'; valid: {valid}")
    shape = {key: value for key, value in described.items() if key in SHAPING}
    patch = shape.get("patch_size")
    if isinstance(patch, list) and len(patch) == 2 and patch[0] == patch[1]:
        shape["patch_size"] = patch[0]
    return {"model_type": kind} | shape


def is_described(directory: Path) -> bool:
    """Whether a directory has the ``config.json`` of a model of the library that can be used."""
    path = directory / "config.json"
    kind = str(_read(path).get("model_type")) if path.is_file() else None
    return kind in FAMILIES or kind in _WITH_TEXT


def _read(path: Path) -> dict[str, Any]:
    return read_object(Path(os.path.realpath(path)))  # a cache holds links


def read_normalisation(directory: Path) -> tuple[list[float], list[float]] | None:
    """Mean and deviation of each band that an encoder expects, for values in [0, 1].

    ``None`` without a ``preprocessor_config.json`` that gives them.
    """
    path = directory / "preprocessor_config.json"
    if not path.is_file():
        return None
    found = _read(path)
    mean, std = _numbers(found.get("image_mean")), _numbers(found.get("image_std"))
    return None if mean is None or std is None else (mean, std)


def expected_normalisation(directory: Path) -> str:
    """The name of the mean and deviation that an encoder expects.

    Raises:
        UserError: they have none, or as from `read_description`.
    """
    found = read_normalisation(directory)
    if found is None:
        return FAMILIES[read_description(directory)["model_type"]].normalisation
    if (name := name_of(*found)) is None:
        raise UserError(
            f"model.pretrained={directory}: the mean {found[0]} and deviation {found[1]} of its "
            "preprocessor_config.json are unknown; set model.normalisation=dataset"
        )
    return name


def _numbers(values: object) -> list[float] | None:
    if isinstance(values, list) and all(isinstance(value, float | int) for value in values):
        return [float(value) for value in values]
    return None

"""Settings of the smallest U-Net."""

from __future__ import annotations

from typing import Any

from wsss.models.segmenter_config import UNetConfig

TRAINING: dict[str, Any] = {
    "loss": "cross_entropy",
    "generalised_q": 0.5,
    "symmetric_share": 0.5,
    "bootstrap_share": 0.5,
    "rounds": 1,
    "max_epochs": 1,
    "batch_size": 1,
    "lr": 0.01,
    "weight_decay": 0.0,
    "overlap": 0.0,
}


def unet_config(size: int, **changes: Any) -> UNetConfig:
    """Two levels of 4 channels on images and windows of ``size`` pixels."""
    sizes: dict[str, Any] = {
        "channels": [4, 4],
        "residual_units": 1,
        "image_size": size,
        "window": size,
    }
    return UNetConfig(**(TRAINING | sizes | {"name": "unet"} | changes))

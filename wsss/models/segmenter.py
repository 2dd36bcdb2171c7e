"""The segmentation network that is trained on pseudo-masks."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from wsss.checks import check_choice, check_least, check_positive, check_share
from wsss.models.checkpoint import InputSpec

WEIGHTS, DESCRIPTION = "segmenter.safetensors", "segmenter.json"
LOSSES = ("cross_entropy", "dice_ce")


@dataclass(frozen=True)
class SegmenterConfig:
    """Architecture and training of the segmenter.

    Images are resized to ``image_size`` squared. Training sees random windows of ``window``
    pixels of them; at prediction windows slide over the image with ``overlap`` in [0, 1).
    ``channels`` is the width of each level; every level but the first halves the resolution.
    ``loss`` is ``cross_entropy`` or ``dice_ce``.
    """

    name: str
    image_size: int
    window: int
    channels: list[int]
    residual_units: int
    loss: str
    max_epochs: int
    batch_size: int
    lr: float
    weight_decay: float
    overlap: float

    def __post_init__(self) -> None:
        check_choice("segmenter.name", self.name, ("unet",))
        check_choice("segmenter.loss", self.loss, LOSSES)
        if not self.channels or min(self.channels) < 1:
            raise ValueError(f"segmenter.channels is {self.channels}, it must hold whole numbers")
        check_least("segmenter.residual_units", self.residual_units, 0)
        check_least("segmenter.max_epochs", self.max_epochs, 0)
        check_least("segmenter.batch_size", self.batch_size, 1)
        check_positive("segmenter.lr", self.lr)
        check_least("segmenter.weight_decay", self.weight_decay, 0)
        check_share("segmenter.overlap", self.overlap, below_one=True)
        step = 2 ** (len(self.channels) - 1)
        if self.window % step or self.image_size % step:
            raise ValueError(
                f"segmenter.window {self.window} and segmenter.image_size {self.image_size} must "
                f"be multiples of {step}, for {len(self.channels)} levels"
            )
        if not 0 < self.window <= self.image_size:
            raise ValueError(
                f"segmenter.window is {self.window}, it must lie in 1..segmenter.image_size "
                f"({self.image_size})"
            )


def build_segmenter(
    channels: list[int], residual_units: int, spec: InputSpec, seed: int
) -> nn.Module:
    """A residual U-Net: images ``[B, bands, H, W]`` to scores ``[B, classes, H, W]``."""
    from monai.networks.nets.unet import UNet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = UNet(
            spatial_dims=2,
            in_channels=len(spec.bands),
            out_channels=len(spec.classes),
            channels=channels,
            strides=[2] * (len(channels) - 1),
            num_res_units=residual_units,
            norm="batch",
        )
    return network


@torch.no_grad()
def predict(
    network: nn.Module, image: Tensor, window: int, overlap: float, size: tuple[int, int]
) -> Tensor:
    """Class index per pixel of one image.

    Args:
        network: in evaluation mode.
        image: standardised and resized, ``[bands, S, S]``.
        window: side of the sliding windows, which are blended where they overlap.
        overlap: share of a window, in [0, 1).
        size: height and width of the result, the image's own.

    Returns:
        ``[H, W]``, uint8.
    """
    from monai.inferers.utils import sliding_window_inference

    scores = sliding_window_inference(
        image[None], (window, window), 4, network, overlap=overlap, mode="gaussian"
    )
    assert isinstance(scores, Tensor)
    if tuple(scores.shape[-2:]) != size:
        scores = F.interpolate(scores, size=size, mode="bilinear", align_corners=False)
    return scores[0].argmax(dim=0).to(torch.uint8)


def save_segmenter(
    directory: Path, network: nn.Module, config: SegmenterConfig, spec: InputSpec
) -> None:
    """Write a segmenter into ``directory``."""
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, directory / WEIGHTS)
    model = {"channels": config.channels, "residual_units": config.residual_units}
    description = {"model": model, "input": asdict(spec)}
    (directory / DESCRIPTION).write_text(json.dumps(description, indent=1))


def load_segmenter(directory: Path) -> tuple[nn.Module, InputSpec]:
    """Read what `save_segmenter` wrote, in evaluation mode."""
    description: dict[str, Any] = json.loads((directory / DESCRIPTION).read_text())
    spec = InputSpec(**description["input"])
    network = build_segmenter(**description["model"], spec=spec, seed=0)
    network.load_state_dict(load_file(directory / WEIGHTS))
    return network.eval(), spec

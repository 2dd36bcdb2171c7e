"""Build, use, save and load the segmentation network that is trained on pseudo-masks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from wsss.errors import UserError, one_line
from wsss.models.encoder_segmenter import EncoderSegmenter
from wsss.models.input_spec import InputSpec
from wsss.models.segformer import SegFormer
from wsss.models.segmenter_config import SegmenterConfig
from wsss.models.unet import build_unet

WEIGHTS, DESCRIPTION = "segmenter.safetensors", "segmenter.json"
ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = {
    "unet": build_unet,
    "segformer": SegFormer,
    "encoder": EncoderSegmenter,
}


def build_segmenter(architecture: Mapping[str, Any], spec: InputSpec, seed: int) -> nn.Module:
    """A network with fresh weights: images ``[B, bands, H, W]`` to scores ``[B, classes, H, W]``.

    Args:
        architecture: from `SegmenterConfig.architecture`; without a name, as in older files, it
            describes a U-Net. That of a segmenter on an encoder has its description too.
        spec: bands and classes.
        seed: determines the weights.
    """
    sizes = dict(architecture)
    build = ARCHITECTURES[sizes.pop("name", "unet")]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(len(spec.bands), len(spec.classes), **sizes)


@torch.no_grad()
def predict(
    network: nn.Module,
    image: Tensor,
    *,
    window: tuple[int, int],
    overlap: float,
    size: tuple[int, int],
    allowed: Sequence[int] | None = None,
) -> Tensor:
    """Class index per pixel of one image.

    Args:
        network: in evaluation mode.
        image: standardised and resized, ``[bands, h, w]``.
        window: height and width in pixels of the sliding windows; overlapping ones are blended.
        overlap: overlap of windows as a share of their sides, in [0, 1).
        size: height and width in pixels of the result.
        allowed: classes that may appear, ``None`` for all.

    Returns:
        ``[H, W]``, uint8.
    """
    from monai.inferers.utils import sliding_window_inference

    scores = sliding_window_inference(
        image[None], window, 4, network, overlap=overlap, mode="gaussian"
    )
    assert isinstance(scores, Tensor)
    if tuple(scores.shape[-2:]) != size:
        scores = F.interpolate(scores, size=size, mode="bilinear", align_corners=False)
    if allowed is not None:
        classes = torch.arange(scores.shape[1], device=scores.device)
        refused = ~torch.isin(classes, classes.new_tensor(allowed))
        scores = scores.masked_fill(refused.view(1, -1, 1, 1), -torch.inf)
    return scores[0].argmax(dim=0).to(torch.uint8)


def save_segmenter(
    directory: Path, network: nn.Module, config: SegmenterConfig, spec: InputSpec
) -> None:
    """Write a segmenter into ``directory``."""
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, directory / WEIGHTS)
    model = config.architecture()
    if isinstance(network, EncoderSegmenter):
        model["encoder"] = network.encoder.architecture.description()
    description = {"model": model, "input": asdict(spec)}
    (directory / DESCRIPTION).write_text(json.dumps(description, indent=1))


def load_segmenter(directory: Path) -> tuple[nn.Module, InputSpec]:
    """Read what `save_segmenter` wrote, in evaluation mode; `UserError` names a bad file."""
    try:
        description = json.loads((directory / DESCRIPTION).read_text())
        spec = InputSpec(**description["input"])
        network = build_segmenter(description["model"], spec, seed=0)
        network.load_state_dict(load_file(directory / WEIGHTS))
        return network.eval(), spec
    except Exception as error:  # a damaged description can fail in any way
        reason = one_line(error)
        raise UserError(f"{directory} holds no readable segmenter: {reason}") from error

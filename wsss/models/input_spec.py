"""The input of a network: its bands and size, and how images are prepared for it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wsss.data.fit import Size, fitted_size, resize
from wsss.data.types import Image
from wsss.models.patches import pair, whole_patches


@dataclass(frozen=True)
class InputSpec:
    """The input of a network, stored beside its weights."""

    classes: list[str]
    """Names of the classes, in the order of the scores."""
    bands: list[str]
    """Names of the bands, in order."""
    mean: list[float]
    """Mean of each band over the training split."""
    std: list[float]
    """Standard deviation of each band over the training split."""
    image_size: int
    """Side in pixels of the square to which images are fitted."""
    fit: str
    """How images are fitted, see `DatasetSettings.fit`."""
    multi_label: bool
    """Several classes per image, or exactly one."""
    patch_size: int = 1
    """With ``fit=keep``, the sides of a fitted image are multiples of this."""


def standardise(image: Image, spec: InputSpec) -> Tensor:
    """``[bands, H, W]`` with zero mean and unit variance per band; NaN stays NaN."""
    mean = torch.tensor(spec.mean).view(-1, 1, 1)
    std = torch.tensor(spec.std).view(-1, 1, 1)
    return (torch.from_numpy(image) - mean) / std


def input_size(size: Size, spec: InputSpec) -> Size:
    """Height and width to which an image of ``size`` is resized."""
    fitted = fitted_size(size, spec.image_size, spec.fit)
    return whole_patches(fitted, pair(spec.patch_size)) if spec.fit == "keep" else fitted


def prepare(image: Image, spec: InputSpec, size: Size | None = None) -> Tensor:
    """Standardised and resized ``[bands, H, W]``; 0, the band's mean, where there is no data.

    By default it has `input_size`.
    """
    if size is None:
        size = input_size((image.shape[-2], image.shape[-1]), spec)
    return resize(standardise(image, spec), size)

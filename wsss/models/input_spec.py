"""What a network expects at its input, and how images are brought to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wsss.data.fit import fitted_size, resize
from wsss.data.types import Image


@dataclass(frozen=True)
class InputSpec:
    """What a network expects at its input, kept beside its weights."""

    classes: list[str]
    bands: list[str]
    mean: list[float]
    """Per band, over the training split."""
    std: list[float]
    image_size: int
    """Side in pixels of the square to which images are fitted."""
    fit: str
    """How they are, see `DatasetSettings.fit`."""
    multi_label: bool


def standardise(image: Image, spec: InputSpec) -> Tensor:
    """``[bands, H, W]`` with zero mean and unit variance per band over the training split."""
    mean = torch.tensor(spec.mean).view(-1, 1, 1)
    std = torch.tensor(spec.std).view(-1, 1, 1)
    return (torch.from_numpy(image) - mean) / std


def prepare(image: Image, spec: InputSpec) -> Tensor:
    """Standardised and fitted: ``[bands, h, w]``, the longer side as the network's square."""
    size = (image.shape[-2], image.shape[-1])
    return resize(standardise(image, spec), fitted_size(size, spec.image_size, spec.fit))

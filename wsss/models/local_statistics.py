"""Patch tokens from local statistics of an image, by an encoder that is never trained."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wsss.models.architecture import Architecture

_WINDOWS = (1, 3, 9)
"""Sides in patches of the windows that statistics are taken in."""
_BLURS = (1, 3, 9)
"""Sides in pixels; what lies between two of them is a band of spatial frequencies."""
_ORIENTATIONS = 6
_ORIENTATION_WIDTH = 0.26
"""Width in radians of the bell that counts a gradient to an orientation."""
_POSITIONS = 4
_REACH = 1.0
"""Reach of the kernel, in root mean square distances from the mean statistics."""
_LEAST = 1e-6
_FAINT = 1e-3
_SEED = 0


class LocalStatistics(nn.Module):
    """An encoder without pretrained weights, for images with any bands.

    In windows of 1, 3 and 9 patches: the mean and the logarithm of the deviation of each band, of
    the gradients in 6 orientations, and of two bands of spatial frequencies; mean and deviation of
    each band in the whole image; the position. Standardised, they are mapped to random Fourier
    features (Rahimi and Recht, NIPS 2007), the cosines of random directions, so that what is linear
    in tokens is smooth, but not linear, in statistics. The directions are the same for all seeds.

    Nothing of objects is learnt here: a method that needs a transformer should do better.

    Args:
        architecture: gives bands, patch size and token width.
    """

    mean: Tensor
    std: Tensor
    directions: Tensor
    phases: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.patch_size = architecture.patch_size
        bands, width = architecture.in_channels, architecture.embed_dim
        per_window = 2 * bands + _ORIENTATIONS + len(_BLURS) - 1
        count = per_window * len(_WINDOWS) + 2 * bands + _POSITIONS
        generator = torch.Generator().manual_seed(_SEED)
        directions = torch.randn(width, count, generator=generator)
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("std", torch.ones(count))
        self.register_buffer("directions", directions / (_REACH * math.sqrt(count)))
        self.register_buffer("phases", 2 * math.pi * torch.rand(width, generator=generator))

    def fit(self, images: Iterable[Tensor]) -> None:
        """Standardise by the statistics of some images ``[bands, H, W]``; there must be one."""
        found = [self.statistics(image[None])[0].flatten(1).double() for image in images]
        patches = sum(part.shape[1] for part in found)
        mean = torch.stack([part.sum(dim=1) for part in found]).sum(dim=0) / patches
        squares = [(part - mean[:, None]).square().sum(dim=1) for part in found]
        std = (torch.stack(squares).sum(dim=0) / patches).sqrt()
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std > _LEAST, std, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[B, bands, H, W]``, standardised, to tokens ``[B, N, D]``, row by row.

        Values lie within the square root of 2.
        """
        standardised = (self.statistics(x).flatten(2).mT - self.mean) / self.std
        return math.sqrt(2) * (standardised @ self.directions.mT + self.phases).cos()

    def statistics(self, x: Tensor) -> Tensor:
        """Images ``[B, bands, H, W]`` to ``[B, F, h, w]``, not standardised."""
        bands = x.shape[1]
        pixels = torch.cat([x, x.square(), _texture(x.mean(dim=1, keepdim=True))], dim=1)
        patches = F.avg_pool2d(pixels, self.patch_size)
        found = []
        for side in _WINDOWS:
            window = F.avg_pool2d(patches, side, 1, side // 2, count_include_pad=False)
            found += [_moments(window, bands), (window[:, 2 * bands :] + _FAINT).log()]
        whole = _moments(patches.mean(dim=(2, 3), keepdim=True), bands)
        found.append(whole.expand(-1, -1, *patches.shape[-2:]))
        found.append(_positions(patches).expand(len(x), -1, -1, -1))
        return torch.cat(found, dim=1)


def _moments(means: Tensor, bands: int) -> Tensor:
    """Mean and log deviation from the means of values and of squares."""
    mean, square = means[:, :bands], means[:, bands : 2 * bands]
    return torch.cat([mean, 0.5 * (square - mean.square()).clamp_min(_LEAST).log()], dim=1)


def _texture(grey: Tensor) -> Tensor:
    """Gradients by orientation, and energies of spatial frequencies, ``[B, channels, H, W]``."""
    edged = F.pad(grey, (1, 1, 1, 1), mode="replicate")
    right = edged[:, :, 1:-1, 2:] - edged[:, :, 1:-1, :-2]
    down = edged[:, :, 2:, 1:-1] - edged[:, :, :-2, 1:-1]
    length, angle = torch.hypot(right, down), torch.atan2(down, right)
    steps = torch.arange(_ORIENTATIONS, device=grey.device).view(1, -1, 1, 1)
    apart = (angle - steps * math.pi / _ORIENTATIONS).sin()  # the same for opposite directions
    oriented = length * (-0.5 * (apart / _ORIENTATION_WIDTH).square()).exp()
    blurred = [F.avg_pool2d(grey, k, 1, k // 2, count_include_pad=False) for k in _BLURS]
    return torch.cat([oriented, *((fine - soft).square() for fine, soft in pairwise(blurred))], 1)


def _positions(patches: Tensor) -> Tensor:
    """Row and distance from the middle column in [-1, 1], and their squares, ``[1, 4, h, w]``."""
    height, width = patches.shape[-2:]
    rows = torch.linspace(-1, 1, height, device=patches.device).view(-1, 1).expand(-1, width)
    columns = torch.linspace(-1, 1, width, device=patches.device).view(1, -1).expand(height, -1)
    return torch.stack([rows, columns.abs(), rows.square(), columns.square()])[None]

"""Fitting images of any size to the input of a network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.data.types import IGNORE_INDEX

Size = tuple[int, int]
_LEAST_SHARE = 1e-3


def fitted_size(size: Size, side: int, fit: str) -> Size:
    """Height and width of an image after fitting it to a square of `side` pixels.

    ``resize`` fills the square and changes the aspect ratio; ``pad`` and ``keep`` keep the ratio,
    so that only the longer side has `side` pixels.
    """
    if fit == "resize":
        return side, side
    longest = max(size)
    height, width = (max(1, round(length * side / longest)) for length in size)
    return height, width


def own_size(size: Size, longest: int) -> Size:
    """Height and width of the image, scaled down if a side has more than `longest` pixels."""
    return size if max(size) <= longest else fitted_size(size, longest, "pad")


def resize(image: Tensor, size: Size) -> Tensor:
    """Resize ``[bands, H, W]`` to ``[bands, *size]``, bilinearly and with antialiasing.

    NaN, no data, takes no part: a pixel is the mean of the values that it covers, weighted as
    usual, and 0 if it covers none.
    """
    if bool(image.sum().isnan()):  # as cheap as one pass
        known = ~image.isnan()
        share = resize(known.to(image.dtype), size)
        mean = resize(torch.where(known, image, 0.0), size) / share.clamp_min(_LEAST_SHARE)
        return torch.where(share > _LEAST_SHARE, mean, 0.0)
    if tuple(image.shape[-2:]) == size:
        return image
    return F.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]


def resize_mask(mask: Tensor, size: Size) -> Tensor:
    """Resize class indices ``[H, W]`` to `size`, taking the nearest pixel."""
    if tuple(mask.shape) == size:
        return mask
    nearest = F.interpolate(mask[None, None].float(), size=size, mode="nearest-exact")
    return nearest[0, 0].to(torch.uint8)


def pad(image: Tensor, side: int) -> Tensor:
    """Pad a standardised image to ``[..., side, side]`` with 0, the mean of each band.

    The image stays at the upper left.
    """
    return fill(image, (side, side), 0)


def pad_mask(mask: Tensor, side: int) -> Tensor:
    """Pad a mask to ``[side, side]`` with `IGNORE_INDEX`."""
    return fill(mask, (side, side), IGNORE_INDEX)


def fill(tensor: Tensor, size: Size, value: float) -> Tensor:
    """``[..., H, W]`` filled with ``value`` at right and bottom, up to ``[..., *size]``."""
    height, width = tensor.shape[-2:]
    if (height, width) == size:
        return tensor
    return F.pad(tensor, (0, size[1] - width, 0, size[0] - height), value=value)

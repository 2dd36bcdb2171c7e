"""Refinement of class scores by the colours of the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_BANDWIDTH = 0.1  # of the local deviation, as in the authors' release; the paper has its square
_LEAST = 1e-5  # smallest local deviation, in standard deviations of the band
_CLASSES_AT_ONCE = 8
_STRIP = 2**16  # elements


def pamr(scores: Tensor, image: Tensor, iterations: int, dilations: Sequence[int]) -> Tensor:
    """Pixel-adaptive mask refinement (Araslanov and Roth, CVPR 2020, section 4.2).

    In every iteration each pixel takes the mean of its neighbours' scores, weighted by
    `affinities`, so that scores spread within similar regions and stop at edges. Memory is
    ``8 * len(dilations)`` floats per pixel, independent of the number of bands and classes.

    Args:
        scores: ``[C, H, W]``.
        image: ``[bands, H, W]`` in any unit; NaN counts as the band's mean.
        iterations: number of iterations.
        dilations: distances of neighbours in pixels, in each of eight directions; beyond its border
            the image repeats its border pixels.

    Returns:
        ``[C, H, W]``, within the range of ``scores`` up to rounding.
    """
    weights, reach = affinities(image, dilations), max(dilations)
    refined = []
    for part in torch.split(scores, _CLASSES_AT_ONCE):
        for _ in range(iterations):
            padded, spread = _padded(part, reach), torch.zeros_like(part)
            for strip in _strips(part):
                target = spread[:, strip]
                neighbours = _neighbours(padded, dilations, strip)
                for weight, neighbour in zip(weights[:, strip], neighbours, strict=True):
                    target.addcmul_(weight, neighbour)
            part = spread
        refined.append(part)
    return torch.cat(refined)


def affinities(image: Tensor, dilations: Sequence[int]) -> Tensor:
    """Weight of each neighbour for each pixel, ``[8 * len(dilations), H, W]``.

    The softmax, over all neighbours ``j`` of a pixel ``i``, of ``-|x_i - x_j| / (0.1 * s_i)``
    averaged over bands, where ``s_i`` is the band's standard deviation over ``i`` and its
    neighbours. Bands are standardised over the image first, so that the lower limit of ``s_i``
    means the same for reflectances, decibels and colours.
    """
    bands = _standardised(image)
    padded = _padded(bands, max(dilations))
    weights = bands.new_empty(8 * len(dilations), *bands.shape[1:])
    for strip in _strips(bands):
        own = bands[:, strip]
        difference = torch.empty_like(own)
        total, squares = torch.zeros_like(own), torch.zeros_like(own)
        for neighbour in _neighbours(padded, dilations, strip):
            torch.sub(neighbour, own, out=difference)
            total += difference
            squares.addcmul_(difference, difference)
        count = len(weights) + 1  # the pixel itself differs by 0
        deviation = (squares / count - (total / count) ** 2).clamp_min(0).sqrt()
        scale = _BANDWIDTH * deviation.clamp_min(_LEAST)
        for weight, neighbour in zip(
            weights[:, strip], _neighbours(padded, dilations, strip), strict=True
        ):
            torch.sub(neighbour, own, out=difference)
            torch.mean(difference.abs_().div_(scale), dim=0, out=weight)
        # Softmax in place. The last digits of PyTorch's depend on the number of threads.
        part = weights[:, strip]
        part.sub_(part.amin(dim=0)).neg_().exp_()
        part.div_(part.sum(dim=0))
    return weights


def _standardised(image: Tensor) -> Tensor:
    """Bands ``[bands, H, W]`` of mean 0 and deviation 1; a constant band becomes 0."""
    mean = _mean(image).nan_to_num()
    centred = torch.where(image.isnan(), 0.0, image - mean)
    deviation = _mean(centred.square()).sqrt()
    flat = (
        centred.abs().amax(dim=(1, 2), keepdim=True) <= 1e-6 * mean.abs()
    )  # constant up to rounding
    return torch.where(flat, 0.0, centred / torch.where(flat, 1.0, deviation))


def _mean(values: Tensor) -> Tensor:
    """``[bands, 1, 1]``, NaN excluded; by rows, so that bits do not depend on threads."""
    known = (~values.isnan()).sum(dim=(1, 2), keepdim=True)
    return values.nansum(dim=2, keepdim=True).sum(dim=1, keepdim=True) / known


def _strips(values: Tensor) -> Iterator[slice]:
    """Slices of the rows of ``[C, H, W]`` that fit into a core's cache.

    They only affect speed, which doubles at 512 x 512 pixels and 13 bands.
    """
    channels, height, width = values.shape
    rows = max(1, _STRIP // (channels * width))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def _padded(values: Tensor, reach: int) -> Tensor:
    """``[C, H, W]`` padded with border pixels, ``reach`` on each side."""
    return F.pad(values, (reach, reach, reach, reach), mode="replicate")


def _neighbours(padded: Tensor, dilations: Sequence[int], rows: slice) -> Iterator[Tensor]:
    """Views ``[C, rows, W]`` of the neighbours at each distance in each of eight directions."""
    reach = max(dilations)
    width = padded.shape[2] - 2 * reach
    for dilation in dilations:
        for down in (-dilation, 0, dilation):
            for right in (-dilation, 0, dilation):
                if down or right:
                    top, left = reach + down, reach + right
                    yield padded[:, top + rows.start : top + rows.stop, left : left + width]

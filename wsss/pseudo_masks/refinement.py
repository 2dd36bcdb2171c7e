"""Refinement of class scores by the image they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

REFINEMENTS = ("none", "pamr")
_BANDWIDTH = 0.1  # of the local deviation, as in the authors' release; the paper has its square
_LEAST = 1e-5  # deviation, in standard deviations of the band, below which nothing is told apart
_CLASSES_AT_ONCE = 8
_STRIP = 2**16  # numbers


def pamr(scores: Tensor, image: Tensor, iterations: int, dilations: Sequence[int]) -> Tensor:
    """Pixel-adaptive mask refinement (Araslanov and Roth, CVPR 2020, section 4.2).

    In every iteration each pixel takes the mean of its neighbours' scores, weighted by
    `affinities`, so that scores spread within what looks alike and stop at edges. Memory is
    ``8 * len(dilations)`` floats a pixel, whatever the number of bands and classes.

    Args:
        scores: ``[C, H, W]``.
        image: ``[bands, H, W]`` in any unit; NaN counts as the band's mean.
        iterations: how often.
        dilations: distances, in pixels, at which neighbours lie in each of eight directions; an
            image goes on beyond its border as its border is.

    Returns:
        ``[C, H, W]``, no higher or lower than ``scores`` but for rounding.
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
    """How much each pixel listens to each neighbour, ``[8 * len(dilations), H, W]``.

    The softmax, over all neighbours ``j`` of a pixel ``i``, of ``-|x_i - x_j| / (0.1 * s_i)``
    averaged over bands, where ``s_i`` is the band's standard deviation over ``i`` and its
    neighbours. Bands are standardised over the image first, which makes the least ``s_i`` mean the
    same in reflectances, decibels and colours.
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
        # Softmax in place. PyTorch's own has other last digits with another number of threads.
        listening = weights[:, strip]
        listening.sub_(listening.amin(dim=0)).neg_().exp_()
        listening.div_(listening.sum(dim=0))
    return weights


def _standardised(image: Tensor) -> Tensor:
    """Bands ``[bands, H, W]`` of mean 0 and deviation 1; a constant band becomes 0."""
    mean = _mean(image).nan_to_num()
    centred = torch.where(image.isnan(), 0.0, image - mean)
    deviation = _mean(centred.square()).sqrt()
    flat = centred.abs().amax(dim=(1, 2), keepdim=True) <= 1e-6 * mean.abs()  # rounding alone
    return torch.where(flat, 0.0, centred / torch.where(flat, 1.0, deviation))


def _mean(values: Tensor) -> Tensor:
    """``[bands, 1, 1]``, of what is not NaN; by rows, for the same bits with any threads."""
    known = (~values.isnan()).sum(dim=(1, 2), keepdim=True)
    return values.nansum(dim=2, keepdim=True).sum(dim=1, keepdim=True) / known


def _strips(values: Tensor) -> Iterator[slice]:
    """Rows of ``[C, H, W]``, as many at a time as stay in a core's cache while they are used.

    Nothing but speed depends on them: at 512 x 512 pixels and 13 bands it doubles.
    """
    channels, height, width = values.shape
    rows = max(1, _STRIP // (channels * width))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def _padded(values: Tensor, reach: int) -> Tensor:
    """``[C, H, W]`` gone on with for ``reach`` pixels beyond each border."""
    return F.pad(values, (reach, reach, reach, reach), mode="replicate")


def _neighbours(padded: Tensor, dilations: Sequence[int], rows: slice) -> Iterator[Tensor]:
    """Views ``[C, rows, W]`` of what lies at each distance in each of eight directions."""
    reach = max(dilations)
    width = padded.shape[2] - 2 * reach
    for dilation in dilations:
        for down in (-dilation, 0, dilation):
            for right in (-dilation, 0, dilation):
                if down or right:
                    top, left = reach + down, reach + right
                    yield padded[:, top + rows.start : top + rows.stop, left : left + width]

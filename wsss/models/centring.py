"""Patch tokens without what those of an image share."""

from __future__ import annotations

from torch import Tensor


def centred(patches: Tensor) -> Tensor:
    """Patch tokens ``[B, D, h, w]`` less their image's mean, 0 for NaN, no patch.

    The tokens of an image share much that tells what the image is of, but not where.
    """
    return (patches - patches.nanmean(dim=(2, 3), keepdim=True)).nan_to_num()

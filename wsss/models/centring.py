"""Patch tokens without what those of an image share."""

from __future__ import annotations

import torch
from torch import Tensor


def centred(patches: Tensor, valid: Tensor | None = None) -> Tensor:
    """Patch tokens ``[B, D, h, w]`` less the mean of their image's tokens.

    The tokens of an image share much that tells what the image is of, but not where.

    Args:
        patches: tokens.
        valid: ``[B, h, w]``, where there is a patch; by default everywhere. Elsewhere it gives 0.
    """
    if valid is None:
        return patches - patches.mean(dim=(2, 3), keepdim=True)
    here = valid[:, None]
    total = torch.where(here, patches, 0.0).sum(dim=(2, 3), keepdim=True)
    mean = total / here.sum(dim=(2, 3), keepdim=True)
    return torch.where(here, patches - mean, 0.0)

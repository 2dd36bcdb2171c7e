"""Position embeddings of patches at another image size."""

from __future__ import annotations

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor


def resize_positions(positions: Tensor, grid: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Interpolate position embeddings bicubically.

    Args:
        positions: ``[1, h * w, D]`` of patches, row by row.
        grid: ``(h, w)``.
        new: rows and columns of the result.
    """
    positions = rearrange(positions, "b (h w) d -> b d h w", h=grid[0])
    positions = F.interpolate(positions, size=new, mode="bicubic", align_corners=False)
    return rearrange(positions, "b d h w -> b (h w) d")

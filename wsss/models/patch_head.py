"""Class scores of every patch: class activation maps of a transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

POOLINGS = ("average", "ranked")
DECAY = 0.996
"""Weight of a patch over that of the next higher one, as in MCTformer+."""


class PatchHead(nn.Module):
    """A 3 x 3 convolution from patch tokens to class scores, and their pooling.

    The scores, cut at 0, are a class activation map (CAM, Zhou et al., CVPR 2016); their pool has
    a classification loss of its own. ``average`` is the mean over patches, as in MCTformer-V2 (Xu
    et al., CVPR 2022). ``ranked`` is global weighted ranking pooling (Kolesnikov and Lampert,
    ECCV 2016) as in MCTformer+ (Xu et al., 2023): scores sorted in falling order and weighted by
    ``DECAY ** rank``, weights brought to sum 1.

    Args:
        dim: token width.
        num_classes: classes.
        pooling: one of `POOLINGS`.
    """

    def __init__(self, dim: int, num_classes: int, pooling: str) -> None:
        super().__init__()
        self.pooling = pooling
        self.conv = nn.Conv2d(dim, num_classes, kernel_size=3, padding=1)

    def forward(self, patches: Tensor) -> Tensor:
        """Patch tokens ``[B, D, h, w]`` to class scores ``[B, C, h, w]``."""
        scores: Tensor = self.conv(patches)
        return scores

    def pool(self, scores: Tensor) -> Tensor:
        """Class scores ``[B, C, h, w]`` to logits ``[B, C]``."""
        flat = scores.flatten(2)
        if self.pooling == "average":
            return flat.mean(dim=-1)
        falling = flat.sort(dim=-1, descending=True).values
        weights = DECAY ** torch.arange(flat.shape[-1], device=flat.device, dtype=flat.dtype)
        return falling @ (weights / weights.sum())

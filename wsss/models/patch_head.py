"""Class scores of every patch: class activation maps of a transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

POOLINGS = ("average", "ranked")
DECAY = 0.996
"""Ratio of the weights of consecutive patches in falling order of scores, as in MCTformer+."""


class PatchHead(nn.Module):
    """A 3 x 3 convolution from patch tokens to class scores, and their pooling.

    The scores, clipped at 0, are a class activation map (CAM, Zhou et al., CVPR 2016); the pooled
    scores have a separate classification loss. ``average`` is the mean over patches, as in
    MCTformer-V2 (Xu et al., CVPR 2022). ``ranked`` is global weighted ranking pooling (Kolesnikov
    and Lampert, ECCV 2016) as in MCTformer+ (Xu et al., 2023): scores in falling order weighted by
    ``DECAY ** rank``, with weights of sum 1.

    Args:
        dim: token width.
        num_classes: number of classes.
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

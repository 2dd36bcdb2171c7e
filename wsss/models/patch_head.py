"""Class scores of every patch: class activation maps of a transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

POOLINGS = ("average", "ranked", "compete")
DECAY = 0.996
"""Ratio of the weights of consecutive patches in falling order of scores, as in MCTformer+."""


class PatchHead(nn.Module):
    """Class scores of patch tokens by a convolution, and their pooling.

    The scores, clipped at 0, are a class activation map (CAM, Zhou et al., CVPR 2016); the pooled
    scores have a separate classification loss. ``average`` is the mean over patches, as in
    MCTformer-V2 (Xu et al., CVPR 2022). ``ranked`` is global weighted ranking pooling (Kolesnikov
    and Lampert, ECCV 2016) as in MCTformer+ (Xu et al., 2023): scores in falling order weighted by
    ``DECAY ** rank``, with weights of sum 1. Both have a 3 x 3 convolution.

    With ``compete`` (this project) the kernel is 1 x 1: one vector per class, a class token that
    is compared with every patch. At each patch, the softmax over classes says what share of the
    patch a class has, and a class's logit is the mean of its scores weighted by its shares. Classes
    thus compete for patches, which keeps their maps apart.

    Args:
        dim: token width.
        num_classes: number of classes.
        pooling: one of `POOLINGS`.
    """

    def __init__(self, dim: int, num_classes: int, pooling: str) -> None:
        super().__init__()
        self.pooling = pooling
        side = 1 if pooling == "compete" else 3
        self.conv = nn.Conv2d(dim, num_classes, kernel_size=side, padding=side // 2)

    def forward(self, patches: Tensor) -> Tensor:
        """Patch tokens ``[B, D, h, w]`` to class scores ``[B, C, h, w]``."""
        scores: Tensor = self.conv(patches)
        return scores

    def pool(self, scores: Tensor, keep: Tensor | None = None) -> Tensor:
        """Class scores ``[B, C, h, w]`` to logits ``[B, C]``.

        Args:
            scores: of every patch.
            keep: ``[B, C]`` of 0 and 1, 0 for a class that is hidden from the competition: no patch
                is its, and its logit is 0. By default all compete.
        """
        flat = scores.flatten(2)
        if self.pooling == "compete":
            return _compete(flat, keep)
        if self.pooling == "average":
            return flat.mean(dim=-1)
        falling = flat.sort(dim=-1, descending=True).values
        weights = DECAY ** torch.arange(flat.shape[-1], device=flat.device, dtype=flat.dtype)
        return falling @ (weights / weights.sum())


def _compete(scores: Tensor, keep: Tensor | None) -> Tensor:
    """Logits ``[B, C]`` from scores ``[B, C, N]``, see `PatchHead`."""
    least = torch.finfo(scores.dtype).min
    if keep is None:
        shares = scores.softmax(dim=1)
    else:
        kept = keep.unsqueeze(-1).to(scores.dtype)
        shares = scores.masked_fill(kept == 0, least).softmax(dim=1) * kept
    weights = shares.sum(dim=-1).clamp_min(torch.finfo(scores.dtype).tiny)
    return (shares * scores).sum(dim=-1) / weights

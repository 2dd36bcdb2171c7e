"""Class scores of every patch: class activation maps of a transformer."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from wsss.models.architecture import COMPETING
from wsss.models.centring import centred

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

    With ``compete_background`` (this project) a background competes as well, with score 0 at every
    patch, so that a class wins a patch with a score above 0. Tokens are `centred`, because what all
    tokens of an image share tells that a class is there but not where: it would win every patch.

    Several members differ in their initial weights alone. Image labels leave open which of two
    classes is which where they mostly occur together; members err differently.

    Args:
        dim: token width.
        num_classes: number of classes.
        pooling: one of `wsss.models.architecture.POOLINGS`.
        members: number ``M`` of heads that are trained side by side.
    """

    def __init__(self, dim: int, num_classes: int, pooling: str, members: int = 1) -> None:
        super().__init__()
        self.pooling, self.members = pooling, members
        side = 1 if pooling in COMPETING else 3
        self.conv = nn.Conv2d(dim, members * num_classes, kernel_size=side, padding=side // 2)

    def forward(self, patches: Tensor, valid: Tensor | None = None) -> Tensor:
        """Patch tokens ``[B, D, h, w]`` to class scores ``[B, M, C, h, w]``.

        Scores mean nothing where ``valid``, ``[B, h, w]``, says that there is no patch.
        """
        if self.pooling == "compete_background":
            patches = centred(patches, valid)
        elif valid is not None:
            patches = torch.where(valid[:, None], patches, 0.0)
        scores: Tensor = self.conv(patches)
        return rearrange(scores, "b (m c) h w -> b m c h w", m=self.members)

    def pool(
        self, scores: Tensor, keep: Tensor | None = None, valid: Tensor | None = None
    ) -> Tensor:
        """Class scores ``[B, M, C, h, w]`` to logits ``[B, M, C]``.

        Args:
            scores: of every patch.
            keep: ``[B, C]`` of 0 and 1, 0 for a class that is hidden from the competition: no patch
                is its, and its logit is 0. By default all compete.
            valid: ``[B, h, w]``, patches that count; by default all. Each image needs one.
        """
        flat = scores.flatten(3)
        here = None if valid is None else valid.flatten(1)[:, None, None]
        if self.pooling in COMPETING:
            background = self.pooling == "compete_background"
            return _compete(flat, keep, here, background=background)
        if self.pooling == "average":
            return flat.mean(dim=-1) if here is None else (flat * here).sum(-1) / here.sum(-1)
        if here is not None:
            flat = flat.masked_fill(~here, torch.finfo(flat.dtype).min)
        falling = flat.sort(dim=-1, descending=True).values
        weights = DECAY ** torch.arange(flat.shape[-1], device=flat.device, dtype=flat.dtype)
        if here is None:
            return falling @ (weights / weights.sum())
        weights = weights * (torch.arange(flat.shape[-1], device=flat.device) < here.sum(-1, True))
        return (falling * weights).sum(dim=-1) / weights.sum(dim=-1)


def _compete(
    scores: Tensor, keep: Tensor | None, valid: Tensor | None, *, background: bool
) -> Tensor:
    """Logits ``[B, M, C]`` from scores ``[B, M, C, N]``, see `PatchHead`."""
    least = torch.finfo(scores.dtype).min
    kept = None if keep is None else keep[:, None, :, None].to(scores.dtype)
    competing = scores if kept is None else scores.masked_fill(kept == 0, least)
    if background:
        shares = F.pad(competing, (0, 0, 0, 1)).softmax(dim=2)[:, :, :-1]
    else:
        shares = competing.softmax(dim=2)
    if kept is not None:
        shares = shares * kept
    if valid is not None:
        shares = shares * valid
    weights = shares.sum(dim=-1).clamp_min(torch.finfo(scores.dtype).tiny)
    return (shares * scores).sum(dim=-1) / weights

"""Losses on pixel labels, some of which may be wrong.

All take scores ``[B, C, H, W]`` and class indices ``[B, H, W]``. Pixels of `IGNORE_INDEX` are left
out; without any other pixel the loss and its gradients are 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.data.types import IGNORE_INDEX
from wsss.models.segmenter_config import SegmenterConfig

LOG_ZERO = -4.0
"""Value of log 0 in symmetric cross-entropy."""


def segmentation_loss(scores: Tensor, target: Tensor, config: SegmenterConfig) -> Tensor:
    """The loss named by ``segmenter.loss``, with its parameter."""
    if not (target != IGNORE_INDEX).any():
        return scores.sum() * 0.0  # the mean over no pixel would be NaN and ruin the weights
    if config.loss == "generalised_ce":
        return generalised_cross_entropy(scores, target, config.generalised_q)
    if config.loss == "symmetric_ce":
        return symmetric_cross_entropy(scores, target, config.symmetric_share)
    if config.loss == "bootstrap":
        return bootstrapped_cross_entropy(scores, target, config.bootstrap_share)
    cross_entropy = F.cross_entropy(scores, target, ignore_index=IGNORE_INDEX)
    return cross_entropy + _dice(scores, target) if config.loss == "dice_ce" else cross_entropy


def generalised_cross_entropy(scores: Tensor, target: Tensor, q: float) -> Tensor:
    """Mean of ``(1 - p^q) / q``, p the probability of the label (Zhang & Sabuncu, NeurIPS 2018).

    Cross-entropy as ``q`` in (0, 1] goes to 0, mean absolute error at 1. A pixel's gradient is
    ``p^q`` times that of cross-entropy, so that labels with a low probability count little.
    """
    return _mean(-torch.expm1(-q * _surprise(scores, target)) / q, target)


def symmetric_cross_entropy(scores: Tensor, target: Tensor, share: float) -> Tensor:
    """``(1 - share) CE + share RCE``, see Wang et al. (ICCV 2019).

    The reverse cross-entropy RCE exchanges label and prediction; with log 0 = `LOG_ZERO` it is
    ``-LOG_ZERO (1 - p)``, p the probability of the label. One weight replaces the paper's two,
    since AdamW does not depend on the scale of the loss.
    """
    surprise = _surprise(scores, target)
    reverse = LOG_ZERO * torch.expm1(-surprise)
    return _mean((1 - share) * surprise + share * reverse, target)


def bootstrapped_cross_entropy(scores: Tensor, target: Tensor, share: float) -> Tensor:
    """Cross-entropy against a mix of labels and the network's predictions (Reed et al., 2015).

    The hard variant: the most probable class has weight ``share``, the label the rest.
    """
    own = F.cross_entropy(scores, scores.argmax(dim=1), reduction="none")
    return _mean((1 - share) * _surprise(scores, target) + share * own, target)


def _dice(scores: Tensor, target: Tensor) -> Tensor:
    """MONAI's soft Dice loss."""
    from monai.losses.dice import DiceLoss

    counted = target != IGNORE_INDEX
    shown = counted.unsqueeze(1).float()
    known = F.one_hot(torch.where(counted, target, 0), scores.shape[1]).movedim(-1, 1)
    overlap: Tensor = DiceLoss()(scores.softmax(dim=1) * shown, known * shown)
    return overlap


def _surprise(scores: Tensor, target: Tensor) -> Tensor:
    """``-log p`` of each pixel's label, ``[B, H, W]``; finite even if p underflows to 0."""
    return F.cross_entropy(scores, target, ignore_index=IGNORE_INDEX, reduction="none")


def _mean(values: Tensor, target: Tensor) -> Tensor:
    return values[target != IGNORE_INDEX].mean()

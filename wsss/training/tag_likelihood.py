"""How well scores of patches agree with image labels, where there are no pixel labels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from wsss.models.labeller import Labeller
from wsss.training.stored_tokens import StoredTokens


class TaggedTokens(NamedTuple):
    """Patch tokens of images, and what is known of the images."""

    tokens: StoredTokens
    labels: Tensor
    """Image labels ``[images, C]`` of 0 and 1."""


@torch.no_grad()
def tag_likelihood(labeller: Labeller, images: TaggedTokens) -> float:
    """Mean log probability that a patch belongs to one of the labels of its image.

    Probabilities are a softmax over all classes, so that labels are not given. Images without
    labels are left out.

    Returns:
        At most 0; -inf if no image has a label.
    """
    total, patches = 0.0, 0
    for index, labels in enumerate(images.labels):
        if not labels.any():
            continue
        scores = labeller(images.tokens.read(index)[None])[0].flatten(1).double()
        within = scores[labels > 0].logsumexp(dim=0) - scores.logsumexp(dim=0)
        total, patches = total + float(within.sum()), patches + within.numel()
    return total / patches if patches else -torch.inf

"""Scores of classes that compete for patches."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from wsss.maps.sources.source import EncodedView


def competition(view: EncodedView) -> Tensor:
    """The patch head's class scores ``[B, C, h, w]``, less the lowest at each patch.

    What a patch holds of a class is the softmax of these scores over the classes that may appear,
    as `wsss.pseudo_masks.rules.softmax` takes it; a constant added at a patch does not change it.
    Where a background of score 0 competes, the map of a class with score ``s`` is
    ``log(1 + exp(s))``: 0 where the background is far more likely, ``s`` where the class is.
    """
    scores = view.scores.patch_scores
    assert scores is not None
    if view.model.architecture.patch_head == "compete_background":
        return F.softplus(scores.float())
    return above_lowest(scores)


def above_lowest(scores: Tensor) -> Tensor:
    """Scores ``[B, C, h, w]`` less the lowest at each patch, so that none is negative."""
    scores = scores.float()
    return scores - scores.amin(dim=1, keepdim=True)

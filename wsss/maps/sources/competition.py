"""Scores of classes that compete for patches."""

from __future__ import annotations

from torch import Tensor

from wsss.maps.sources.source import EncodedView


def competition(view: EncodedView) -> Tensor:
    """The patch head's class scores ``[B, C, h, w]``, less the lowest at each patch.

    What a patch holds of a class is the softmax of these scores over the classes that may appear,
    as `wsss.pseudo_masks.rules.softmax` takes it; a constant added at a patch does not change it.
    """
    assert view.scores.patch_scores is not None
    return above_lowest(view.scores.patch_scores)


def above_lowest(scores: Tensor) -> Tensor:
    """Scores ``[B, C, h, w]`` less the lowest at each patch, so that none is negative."""
    scores = scores.float()
    return scores - scores.amin(dim=1, keepdim=True)

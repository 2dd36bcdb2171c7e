"""Scores of the layer that has learnt from its own labels."""

from __future__ import annotations

from torch import Tensor

from wsss.maps.sources.competition import above_lowest
from wsss.maps.sources.source import EncodedView


def self_labelled(view: EncodedView) -> Tensor:
    """The labeller's class scores ``[B, C, h, w]``, less the lowest at each patch."""
    patches, labeller = view.scores.encoded.patches, view.model.labeller
    assert patches is not None and labeller is not None
    return above_lowest(labeller(patches))

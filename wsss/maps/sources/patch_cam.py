"""Class activation maps of the patch head."""

from __future__ import annotations

from torch import Tensor

from wsss.maps.sources.source import EncodedView


def patch_cam(view: EncodedView) -> Tensor:
    """The patch head's class scores ``[B, C, h, w]``, negative ones set to 0."""
    assert view.scores.patch_scores is not None
    return view.scores.patch_scores.float().relu()

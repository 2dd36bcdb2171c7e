"""Class attention and patch CAM combined."""

from __future__ import annotations

from torch import Tensor

from wsss.maps.sources.attention import attention
from wsss.maps.sources.patch_cam import patch_cam
from wsss.maps.sources.source import EncodedView


def fused(view: EncodedView) -> Tensor:
    """Geometric mean of `patch_cam` and `attention`, ``[B, C, h, w]``.

    As in MCTformer (Xu et al., CVPR 2022).
    """
    return (patch_cam(view) * attention(view)).sqrt()

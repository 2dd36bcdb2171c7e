"""Maps at the size of an image."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from wsss.pseudo_masks.rules.rule import Maps


def upsample(maps: Maps, size: tuple[int, int]) -> Maps:
    """Bilinear upsampling of ``[P, h, w]`` to ``[P, H, W]``, pixel centres aligned."""
    tensor = torch.from_numpy(np.ascontiguousarray(maps))[None]
    resized = F.interpolate(tensor, size=size, mode="bilinear", align_corners=False)
    return np.asarray(resized[0].numpy(), dtype=np.float32)

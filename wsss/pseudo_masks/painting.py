"""From what the classifier says of an image to its pseudo-mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from wsss.data.base import Dataset
from wsss.data.types import IGNORE_INDEX, DatasetInfo, Mask
from wsss.maps.storage import ImageMaps
from wsss.pseudo_masks.refinement import pamr
from wsss.pseudo_masks.rules import (
    Maps,
    PseudoMaskConfig,
    min_max,
    present_classes,
    pseudo_mask,
    upsample,
)


@dataclass(frozen=True)
class Claims:
    """The classes that may appear in an image, and where."""

    classes: NDArray[np.integer]
    """``[P]``, indices of `DatasetInfo.classes`."""
    probabilities: Maps
    """``[P]``, in [0, 1]."""
    maps: Maps
    """``[P, H, W]`` at the image's own size, refined where the config says so."""


def claims(
    settings: PseudoMaskConfig,
    dataset: Dataset,
    maps: ImageMaps,
    labels: NDArray[np.float32],
    device: torch.device,
) -> Claims:
    """What mask rules decide on, for an image with labels ``[image classes]``."""
    info, classes = dataset.info, np.array(dataset.info.image_classes)
    present = present_classes(
        maps.probabilities,
        labels,
        settings.image_labels,
        settings.presence_threshold,
        may_be_none=info.background is not None and info.multi_label,
    )
    # Where images are labelled with the background, it is what is left, not what is looked for.
    present &= classes != info.background
    size = dataset.size(maps.image_id)
    if not present.any():
        raised = np.empty((0, *size), np.float32)
    else:
        raised = upsample(maps.attention[present], size)
        if settings.refine == "pamr":
            image = torch.from_numpy(dataset.read_image(maps.image_id)).to(device)
            # Stretched before, or rounding would make something of a constant map.
            scores = torch.from_numpy(min_max(raised)).to(device)
            refined = pamr(scores, image, settings.pamr_iterations, settings.pamr_dilations)
            raised = refined.cpu().numpy()
    return Claims(classes[present], maps.probabilities[present], raised)


def paint(claimed: Claims, rule: PseudoMaskConfig, info: DatasetInfo) -> Mask:
    """The pseudo-mask ``[H, W]`` that a rule makes of claims."""
    painted = pseudo_mask(
        claimed.maps, claimed.probabilities, rule, has_background=info.background is not None
    )
    # Unpainted is -1, which takes the last, and uncertain -2.
    class_of = np.array([*claimed.classes, IGNORE_INDEX, info.background or 0], np.uint8)
    return class_of[painted]

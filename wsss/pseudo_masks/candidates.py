"""The classes that may appear in an image, with their maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from wsss.data.base import Dataset
from wsss.data.validity import valid_pixels
from wsss.maps.storage import ImageMaps
from wsss.pseudo_masks.class_probabilities import class_probabilities
from wsss.pseudo_masks.config import PseudoMaskConfig
from wsss.pseudo_masks.filling import extend
from wsss.pseudo_masks.min_max import min_max
from wsss.pseudo_masks.refinement import pamr
from wsss.pseudo_masks.rules.registry import RULES
from wsss.pseudo_masks.rules.rule import Maps
from wsss.pseudo_masks.upsampling import upsample


@dataclass(frozen=True)
class Candidates:
    """The P classes that may appear in an image; P may be 0."""

    classes: NDArray[np.integer]
    """``[P]``, indices of `DatasetInfo.classes`."""
    probabilities: NDArray[np.float32]
    """``[P]``, in [0, 1]."""
    maps: Maps
    """``[P, H, W]`` at the image's own size, refined if the config requires it.

    Pixels without data repeat the nearest one that holds data.
    """
    valid: NDArray[np.bool_]
    """``[H, W]``, pixels that hold data."""


def find_candidates(
    dataset: Dataset,
    maps: ImageMaps,
    *,
    labels: NDArray[np.float32],
    settings: PseudoMaskConfig,
    device: torch.device,
) -> Candidates:
    """Choose classes and bring their maps to the image's size.

    Args:
        dataset: source of the image.
        maps: maps of the image, for every class.
        labels: ``[image classes]`` of 0 and 1; ignored if the config predicts labels.
        settings: choice of classes and refinement.
        device: where maps are refined.
    """
    info, classes = dataset.info, np.array(dataset.info.image_classes)
    present = present_classes(
        maps.probabilities,
        labels,
        image_labels=settings.image_labels,
        threshold=settings.presence_threshold,
        may_be_none=info.background is not None and info.multi_label,
    )
    present &= classes != info.background  # the background is what the other classes leave
    image = dataset.read_image(maps.image_id)
    size, valid = (image.shape[-2], image.shape[-1]), valid_pixels(image)
    of_scores = RULES[settings.name].of_scores
    if not present.any():
        upsampled = np.empty((0, *size), np.float32)
    else:
        upsampled = extend(upsample(maps.attention[present], size), valid)
        if of_scores:
            upsampled = class_probabilities(upsampled, has_background=info.background is not None)
        if settings.refine == "pamr" and valid.any():
            guide = torch.from_numpy(extend(image, valid)).to(device)
            # Stretched first: refinement would turn a constant map into rounding noise.
            scaled = upsampled if of_scores else min_max(upsampled)
            scores = torch.from_numpy(scaled).to(device)
            refined = pamr(scores, guide, settings.pamr_iterations, settings.pamr_dilations)
            upsampled = refined.cpu().numpy()
    return Candidates(classes[present], maps.probabilities[present], upsampled, valid)


def present_classes(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.float32],
    *,
    image_labels: str,
    threshold: float,
    may_be_none: bool,
) -> NDArray[np.bool_]:
    """Classes that may appear in an image, ``[C]``; see `PseudoMaskConfig.image_labels`.

    Args:
        probabilities: ``[C]``, in [0, 1].
        labels: ``[C]`` of 0 and 1.
        image_labels: ``given`` or ``predicted``.
        threshold: least probability of a class that is predicted.
        may_be_none: whether the result may be empty; if not, it has the most probable class.
    """
    if image_labels == "given":
        return labels > 0
    present = probabilities >= threshold
    if not may_be_none:
        present[probabilities.argmax()] = True
    return present

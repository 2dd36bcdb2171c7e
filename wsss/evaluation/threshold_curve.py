"""Pseudo-masks scored at every background threshold in one pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsss.data.types import Mask
from wsss.evaluation.metrics import SegmentationEvaluator

THRESHOLDS = tuple(step / 100 for step in range(101))


class ThresholdEvaluator:
    """Counts pixels by true class, class at threshold 0, and highest threshold that they reach.

    Memory is O(classes² x thresholds), independent of the number of images.

    Args:
        num_classes: classes of a pixel, background included.
        background: the class of pixels below the threshold.
    """

    def __init__(self, num_classes: int, background: int) -> None:
        self._background = background
        self._counts = np.zeros((num_classes, num_classes + 1, len(THRESHOLDS) + 1), np.int64)

    def update(self, lowest: Mask, heights: NDArray[np.float32], target: Mask) -> None:
        """Count one image.

        Args:
            lowest: ``[H, W]``, the mask at threshold 0, `IGNORE_INDEX` where unlabelled.
            heights: ``[H, W]``, the highest stretched map; the mask at threshold ``t`` is
                ``lowest`` where ``heights >= t`` and background elsewhere.
            target: ``[H, W]`` of class indices, `IGNORE_INDEX` for pixels that do not count.
        """
        classes, columns, bins = shape = self._counts.shape
        counted = target < classes
        true, label = target[counted].astype(np.int64), lowest[counted]
        label = np.minimum(label, classes)  # unlabelled is the last column
        # In float32, like the comparison in mask rules.
        limits = np.asarray(THRESHOLDS, np.float32)
        reached = np.searchsorted(limits, heights[counted], side="right")
        cell = (true * columns + label) * bins + reached
        self._counts += np.bincount(cell, minlength=self._counts.size).reshape(shape)

    def at(self, index: int) -> SegmentationEvaluator:
        """The evaluator of the masks at threshold ``THRESHOLDS[index]``."""
        evaluator = SegmentationEvaluator(len(self._counts))
        evaluator.confusion += self._counts[..., index + 1 :].sum(axis=-1)
        below = self._counts[..., : index + 1].sum(axis=(1, 2))
        evaluator.confusion[:, self._background] += below
        return evaluator

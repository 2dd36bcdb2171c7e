"""Scores of image-level classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wsss.errors import UserError


def classification_metrics(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.float32],
    classes: Sequence[str],
    *,
    multi_label: bool,
) -> dict[str, Any]:
    """Scores of image-level classification, ready for JSON; all are in [0, 1].

    Only classes with a positive image count, since average precision is undefined without one; they
    are listed in ``classes_counted``. ``mAP`` and ``F1`` (at probability 0.5) are means over them.
    ``top1``, the share of images whose most probable class is correct, is given only for datasets
    with one label per image.

    Args:
        probabilities: ``[images, C]`` in [0, 1].
        labels: ``[images, C]`` of 0 and 1.
        classes: names, in the order of the columns.
        multi_label: whether an image may carry several labels.

    Raises:
        UserError: no image has a label, or a probability is outside [0, 1] or NaN.
        ValueError: shapes that do not match.
    """
    # Imported here: takes seconds, and scoring masks does not need it.
    from torchmetrics.functional.classification import binary_average_precision, binary_f1_score

    if not probabilities.shape == labels.shape == (len(labels), len(classes)):
        raise ValueError(
            f"probabilities {probabilities.shape}, labels {labels.shape}, {len(classes)} classes"
        )
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise UserError("class probabilities outside 0..1 or not a number: training has diverged")
    if not labels.any():
        raise UserError(f"no class has a positive among {len(labels)} images: nothing to score")
    precision: dict[str, float | None] = dict.fromkeys(classes)
    f1 = []
    for column in np.flatnonzero(labels.any(axis=0)).tolist():
        chosen = torch.from_numpy(probabilities[:, column].astype(np.float32))
        truth = torch.from_numpy(labels[:, column].astype(np.int64))
        precision[classes[column]] = float(binary_average_precision(chosen, truth))
        f1.append(float(binary_f1_score(chosen, truth)))
    counted = [name for name, value in precision.items() if value is not None]
    scores: dict[str, Any] = {
        "mAP": sum(value for value in precision.values() if value is not None) / len(counted),
        "F1": sum(f1) / len(f1),
        "ap": precision,
        "classes_counted": counted,
        "images": len(labels),
    }
    if not multi_label:
        scores["top1"] = float((probabilities.argmax(axis=1) == labels.argmax(axis=1)).mean())
    return scores

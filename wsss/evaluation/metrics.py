"""The one evaluator of pixel masks, and the scores of image-level classification.

Published "mIoU"s follow different rules (a class absent everywhere counted as 0, or not; one
split or another; labels given or predicted), so every result here carries its `Rule`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wsss.data.types import IGNORE_INDEX, Mask
from wsss.errors import UserError

ImageLabels = Literal["given", "predicted", "none"]


@dataclass(frozen=True)
class Rule:
    """The protocol that a score was taken under."""

    classes: tuple[str, ...]
    ignore_index: int
    """Target value that no class counts for."""
    split: str
    protocol: str
    """`DatasetInfo.protocol`: which of a dataset's choices made this split and its labels."""
    image_size: str
    """Size at which pixels were compared, such as ``"original"``."""
    image_labels: ImageLabels
    """Whether the masks were made knowing the image labels."""
    threshold_from: str
    """Where each threshold was chosen, ``"none"`` where the rule has none."""
    absent_class: str = field(default="mean over classes with union > 0", init=False)


class SegmentationEvaluator:
    """Counts pixels by true and predicted class over any number of images.

    Pixels whose target is ``ignore_index`` do not count. A pixel that counts but is predicted as
    ``ignore_index`` (left unlabelled) is an error of its true class, kept in an extra column.
    """

    def __init__(self, num_classes: int, ignore_index: int = IGNORE_INDEX) -> None:
        if 0 <= ignore_index < num_classes:
            raise ValueError(f"ignore index {ignore_index} is one of the {num_classes} classes")
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.confusion: NDArray[np.int64] = np.zeros((num_classes, num_classes + 1), np.int64)
        """Pixels, ``[target, prediction]``; the last column is unlabelled."""

    def update(self, prediction: Mask, target: Mask) -> None:
        """Count one image.

        Args:
            prediction: ``[H, W]`` of class indices, ``ignore_index`` where unlabelled.
            target: ``[H, W]`` of class indices, ``ignore_index`` where nothing counts.

        Raises:
            UserError: for two shapes, or a value that is neither a class nor ``ignore_index``.
        """
        if prediction.shape != target.shape:
            raise UserError(
                f"prediction has shape {prediction.shape} but its mask {target.shape}: "
                "they must be the same size"
            )
        predicted = self._checked("prediction", prediction)
        true = self._checked("mask", target)
        predicted = np.where(predicted == self.ignore_index, self.num_classes, predicted)
        counted = true != self.ignore_index
        columns = self.num_classes + 1
        # By hand, since torchmetrics compares every pixel with every cell once PyTorch is asked for
        # deterministic algorithms, as training does.
        cells = true[counted] * columns + predicted[counted]
        self.confusion += np.bincount(cells, minlength=self.confusion.size).reshape(-1, columns)

    def result(self, rule: Rule) -> dict[str, Any]:
        """Scores of everything counted so far, ready for JSON; shares are in 0..1.

        ``miou`` is the mean of ``iou`` over ``classes_counted``: the classes with union > 0. A
        class that occurs in neither targets nor predictions has the IoU ``None``.
        ``mean_class_accuracy`` is the mean recall over the classes that occur in the targets.
        ``confusion`` has a row per true class and a column per name in ``confusion_columns``.

        Raises:
            UserError: where no pixel counted.
            ValueError: where ``rule`` describes another number of classes or ignore index.
        """
        if (len(rule.classes), rule.ignore_index) != (self.num_classes, self.ignore_index):
            raise ValueError(
                f"rule has {len(rule.classes)} classes and ignore index {rule.ignore_index}, the "
                f"evaluator {self.num_classes} and {self.ignore_index}"
            )
        correct = np.diagonal(self.confusion)
        in_target = self.confusion.sum(axis=1)
        total = int(in_target.sum())
        if total == 0:
            raise UserError(
                f"split '{rule.split}': no pixel counts, every mask is {self.ignore_index} "
                "(ignored) throughout"
            )
        union = in_target + self.confusion[:, :-1].sum(axis=0) - correct
        present = in_target > 0
        iou = {
            name: int(right) / int(pixels) if pixels else None
            for name, right, pixels in zip(rule.classes, correct, union, strict=True)
        }
        counted = [name for name, value in iou.items() if value is not None]
        return {
            "miou": float((correct[union > 0] / union[union > 0]).mean()),
            "iou": iou,
            "classes_counted": counted,
            "num_classes_counted": len(counted),
            "pixel_accuracy": int(correct.sum()) / total,
            "mean_class_accuracy": float((correct[present] / in_target[present]).mean()),
            "unlabelled_share": int(self.confusion[:, -1].sum()) / total,
            "pixels": total,
            "confusion": self.confusion.tolist(),
            "confusion_columns": [*rule.classes, "unlabelled"],
            "rule": asdict(rule) | {"classes": list(rule.classes)},
        }

    def _checked(self, what: str, mask: Mask) -> NDArray[np.int64]:
        values = mask.astype(np.int64)
        valid = ((values >= 0) & (values < self.num_classes)) | (values == self.ignore_index)
        if not valid.all():
            raise UserError(
                f"{what} holds the value {int(values[~valid][0])}: valid are 0 to "
                f"{self.num_classes - 1} and {self.ignore_index}"
            )
        return values

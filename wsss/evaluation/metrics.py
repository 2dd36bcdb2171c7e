"""The evaluator of all pixel masks.

Published mIoUs follow different rules: a class absent everywhere counts as 0 or not at all, splits
differ, image labels are given or predicted. Therefore every result includes its `Rule`.
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
    """The protocol of a score."""

    classes: tuple[str, ...]
    """Names, in the order of mask values."""
    ignore_index: int
    """Value of target pixels that do not count."""
    split: str
    """Dataset and split, such as ``"voc/val"``."""
    protocol: str
    """`DatasetInfo.protocol`: the choices that define the dataset's splits and labels."""
    image_size: str
    """Size at which pixels were compared, such as ``"original"``."""
    image_labels: ImageLabels
    """Whether the masks were made with given image labels, predicted ones or none."""
    threshold_from: str
    """Where the thresholds of the masks were chosen, ``"none"`` if they have none."""
    absent_class: str = field(default="mean over classes with union > 0", init=False)


class SegmentationEvaluator:
    """Counts pixels by true and predicted class over all images.

    Pixels whose target is ``ignore_index`` do not count. A counted pixel that is predicted as
    ``ignore_index`` (unlabelled) is an error of its true class, kept in an extra column.
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
            target: ``[H, W]`` of class indices, ``ignore_index`` for pixels that do not count.

        Raises:
            UserError: shapes differ, or a value is neither a class nor ``ignore_index``.
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
        # Not by torchmetrics: with deterministic algorithms, as training sets them, it compares
        # every pixel with every cell.
        cells = true[counted] * columns + predicted[counted]
        self.confusion += np.bincount(cells, minlength=self.confusion.size).reshape(-1, columns)

    def result(self, rule: Rule) -> dict[str, Any]:
        """Scores of all images so far, ready for JSON; shares are in [0, 1].

        ``miou`` is the mean of ``iou`` over ``classes_counted``: the classes with union > 0. A
        class that occurs in neither targets nor predictions has the IoU ``None``.
        ``mean_class_accuracy`` is the mean recall over the classes that occur in the targets.
        ``confusion`` has a row per true class and a column per name in ``confusion_columns``.

        Raises:
            UserError: no pixel counts.
            ValueError: ``rule`` has another number of classes or ignore index.
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

"""Whether there are image labels to learn from and to score with."""

from __future__ import annotations

from wsss.data.base import Dataset
from wsss.data.types import Split
from wsss.errors import UserError


def check_positives(dataset: Dataset, *splits: Split) -> None:
    """`UserError` for a split in which no image has any label.

    A classifier learns nothing from it, and no average precision can be computed on it.
    """
    for split in splits:
        if not dataset.labels(split).any():
            raise UserError(
                f"dataset {dataset.info.name}: no image of '{split}' has a label; "
                "move labelled images into that split"
            )

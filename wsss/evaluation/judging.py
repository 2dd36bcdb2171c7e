"""Scores of pseudo-masks and segmenters against pixel masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from wsss.checks import check_choice, check_least
from wsss.data.base import Dataset
from wsss.data.types import IGNORE_INDEX, SPLITS, Mask, Split
from wsss.evaluation.metrics import ImageLabels, Rule, SegmentationEvaluator
from wsss.progress import track


@dataclass(frozen=True)
class EvaluationConfig:
    """What is reported: the config group ``evaluation``."""

    split: str
    """The split that is reported: ``train``, ``val`` or ``test``."""
    figure_images: int
    """Number of images of that split in the figure of predictions, at least 0."""

    def __post_init__(self) -> None:
        check_choice("evaluation.split", self.split, SPLITS)
        check_least("evaluation.figure_images", self.figure_images, 0)


def judged_images(dataset: Dataset, reported: Split) -> dict[Split, list[str]]:
    """Images that pseudo-masks are scored on, by split: those of ``train`` and the reported one.

    From ``train`` only images with a mask: all, some or, as is usual outside benchmarks, none.
    Every image of the reported split must have a mask.
    """
    labelled = [image_id for image_id in dataset.ids("train") if dataset.has_mask(image_id)]
    judged: dict[Split, list[str]] = {"train": labelled} if labelled else {}
    return judged | {reported: list(dataset.ids(reported))}


def threshold_images(dataset: Dataset, reported: Split) -> dict[Split, list[str]]:
    """Images with masks that a threshold may be chosen on, never from the reported split.

    Those of ``val`` or, if it has none, of ``train``; empty if neither has any.
    """
    choices: tuple[Split, ...] = ("val", "train")
    for split in choices:
        labelled = [image_id for image_id in dataset.ids(split) if dataset.has_mask(image_id)]
        if labelled and split != reported:
            return {split: labelled}
    return {}


def evaluate_masks(
    dataset: Dataset,
    split: Split,
    predict: Callable[[str], Mask],
    truth: Callable[[str], Mask],
    *,
    ids: Sequence[str],
    image_labels: str,
    threshold_from: str = "none",
) -> dict[str, Any]:
    """IoU per class, mIoU and their `Rule`, over one split at the images' own sizes.

    Args:
        dataset: names the images and classes.
        split: named in the rule.
        predict: gives the mask ``[H, W]`` to score.
        truth: gives the pixel labels ``[H, W]``, from `Dataset.open_masks`.
        ids: images of the split to score.
        image_labels: whether the masks used ``given`` image labels, ``predicted`` ones or ``none``.
        threshold_from: where the thresholds of the masks were chosen.
    """
    evaluator = SegmentationEvaluator(len(dataset.info.classes))
    for image_id in track(ids, f"evaluate {split}"):
        evaluator.update(predict(image_id), truth(image_id))
    return scored(
        evaluator,
        dataset,
        split,
        ids=ids,
        image_labels=image_labels,
        threshold_from=threshold_from,
    )


def all_void(dataset: Dataset) -> str:
    """What to say if no pixel of any mask counts."""
    return (
        f"dataset {dataset.info.name}: every mask is {IGNORE_INDEX} (ignored) throughout, so no "
        f"pixel is scored; do {IGNORE_INDEX} and 0 stand for object and background? "
        "Write class indices, as in the class list"
    )


def scored(
    evaluator: SegmentationEvaluator,
    dataset: Dataset,
    split: Split,
    *,
    ids: Sequence[str],
    image_labels: str,
    threshold_from: str,
) -> dict[str, Any]:
    """Scores from an evaluator that has counted the images ``ids``; see `evaluate_masks`."""
    info = dataset.info
    rule = Rule(
        classes=info.classes,
        ignore_index=IGNORE_INDEX,
        split=f"{info.name}/{split}",
        protocol=info.protocol,
        image_size="original",
        image_labels=cast(ImageLabels, image_labels),
        threshold_from=threshold_from,
    )
    return evaluator.result(rule) | {"images": len(ids), "images_of_split": len(dataset.ids(split))}

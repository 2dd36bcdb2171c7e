"""Scoring pseudo-masks and segmenters against pixel masks, by one evaluator."""

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
    """``split`` is the held-out one that is reported, ``figure_images`` how many are drawn."""

    split: str
    figure_images: int

    def __post_init__(self) -> None:
        check_choice("evaluation.split", self.split, SPLITS)
        check_least("evaluation.figure_images", self.figure_images, 0)


def judged_images(dataset: Dataset, reported: Split) -> dict[Split, list[str]]:
    """Images that pseudo-masks are scored on: the reported split's, and those of ``train``.

    Without pixel labels for training, the normal case outside of benchmarks, there are none of
    ``train``, and some where the providers labelled some. The reported split must have them all.
    """
    labelled = [image_id for image_id in dataset.ids("train") if dataset.has_mask(image_id)]
    judged: dict[Split, list[str]] = {"train": labelled} if labelled else {}
    return judged | {reported: list(dataset.ids(reported))}


def threshold_images(dataset: Dataset, reported: Split) -> dict[Split, list[str]]:
    """Images that a threshold may be chosen on: with masks, and never of the reported split.

    Those of ``val``, else those of ``train``; an empty dictionary where neither has any.
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
    """IoU per class, mIoU and the rule they follow, over one split at the images' own sizes.

    Args:
        dataset: names the images and classes.
        split: named in the rule.
        predict: gives the mask ``[H, W]`` that is judged.
        truth: gives the pixel labels ``[H, W]``, from `Dataset.open_masks`.
        ids: the images of the split that are judged.
        image_labels: whether ``predict`` was ``given`` image labels, ``predicted`` them or used
            ``none``.
        threshold_from: where thresholds that ``predict`` depends on were chosen.
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


def scored(
    evaluator: SegmentationEvaluator,
    dataset: Dataset,
    split: Split,
    *,
    ids: Sequence[str],
    image_labels: str,
    threshold_from: str,
) -> dict[str, Any]:
    """What an evaluator has counted over images ``ids``, and the rule; see `evaluate_masks`."""
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

"""Stage ``evaluate``: the only stage of the chain that reads pixel masks."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.positives import check_positives
from wsss.data.types import SPLITS
from wsss.engine.stage import Context, Metrics, Stage, dataset_inputs
from wsss.evaluation.judging import evaluate_masks, judged_images
from wsss.models.checkpoint import load_classifier
from wsss.pseudo_masks.files import read_pseudo_mask
from wsss.stages.segmenter import segmenter_reader
from wsss.stages.thresholds import choose_threshold, origin
from wsss.stages.token_training import score_classifier
from wsss.stages.truth import curve_images, evaluated_truth, reported_split


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """The masks that are read, their images, and the overlap of prediction windows."""
    truth = evaluated_truth(config, dataset)
    return _settings(config, dataset) | {
        "dataset": dataset_inputs(config, dataset, tuple(truth.ids)),
        "masks": truth.digest,
    }


def plan(config: Config, dataset: Dataset) -> dict[str, Any]:
    """The same without the masks: it covers all images, with a mask or not."""
    return _settings(config, dataset) | {"dataset": dataset_inputs(config, dataset, SPLITS)}


def _settings(config: Config, dataset: Dataset) -> dict[str, Any]:
    return {
        "evaluation": asdict(config.evaluation),
        "overlap": config.segmenter.overlap,
        "name": dataset.info.name,  # stands in the rule of every score
        "display": [*dataset.info.display_bands, *dataset.info.display_range],
    }


def check(config: Config, dataset: Dataset) -> None:
    """`UserError` without labels to score the classifier with."""
    check_positives(dataset, reported_split(config))


def run(context: Context) -> Metrics:
    """Score classifier, pseudo-masks and segmenter, and draw their results."""
    from wsss.stages.figures import draw_figures  # Matplotlib takes a second

    config, dataset, upstream = context.config, context.dataset, context.upstream
    split = reported_split(config)
    truth = evaluated_truth(config, dataset)
    model, spec = load_classifier(upstream["prune"])
    predict = segmenter_reader(context, upstream["segment"])
    metrics = {
        "classifier": {split: score_classifier(context, model, spec, split)},
        "pseudo_mask": {
            name: evaluate_masks(
                dataset,
                name,
                partial(read_pseudo_mask, upstream["generate"], name),
                truth.read,
                ids=truth.ids[name],
                image_labels=config.pseudo_mask.image_labels,
                threshold_from=origin(config.pseudo_mask, dataset.info),
            )
            for name in judged_images(dataset, split)
        },
        "segmenter": {
            split: evaluate_masks(
                dataset, split, predict, truth.read, ids=truth.ids[split], image_labels="none"
            )
        },
        "unreadable_masks": truth.unreadable,
    }
    for chosen_on in curve_images(config, dataset):
        metrics |= choose_threshold(context, truth, chosen_on, split)
    draw_figures(
        context,
        metrics,
        split=split,
        predict=predict,
        truth=truth.read,
        ids=truth.ids[split],
    )
    return metrics


def _key_figure(metrics: Metrics) -> str:
    ((split, segmenter),) = (
        (name, result["miou"]) for name, result in metrics["segmenter"].items()
    )
    pseudo = metrics["pseudo_mask"][split]["miou"]
    return f"mIoU pseudo-masks {pseudo:.3f}, segmenter {segmenter:.3f}"


STAGE = Stage(
    name="evaluate",
    upstream=("train", "prune", "extract", "generate", "segment"),
    inputs=inputs,
    run=run,
    check=check,
    key_figure=_key_figure,
    plan=plan,
)

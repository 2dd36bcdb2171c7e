"""Stage ``evaluate``: the only stage of the chain that reads pixel masks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.positives import check_positives
from wsss.data.types import SPLITS
from wsss.engine.stage import Context, Metrics, Stage, dataset_inputs
from wsss.stages.truth import evaluated_truth, reported_split


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
    from wsss.stages.evaluation import evaluate

    return evaluate(context)


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

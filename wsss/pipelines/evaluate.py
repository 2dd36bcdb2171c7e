"""Stage ``evaluate``: the only stage of the chain that sees pixel masks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from wsss.data.base import SPLITS, Dataset, Mask, Split
from wsss.errors import UserError
from wsss.evaluation import evaluate_masks
from wsss.models.checkpoint import load_classifier
from wsss.models.segmenter import load_segmenter
from wsss.models.segmenter import predict as predict_mask
from wsss.pipelines.artifacts import fingerprint
from wsss.pipelines.config import Config
from wsss.pipelines.figures import draw_figures
from wsss.pipelines.generate import read_pseudo_mask
from wsss.pipelines.stage import Context, Metrics, Stage, dataset_inputs
from wsss.training.predict import validate_classifier
from wsss.training.samples import prepare


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """The held-out images with their masks, and the window overlap at prediction."""
    splits = judged_splits(config, dataset)
    return {
        "evaluation": asdict(config.evaluation),
        "overlap": config.segmenter.overlap,
        "display": [*dataset.info.display_bands, *dataset.info.display_range],
        "dataset": dataset_inputs(config, dataset, splits),
        "masks": mask_digest(dataset, splits),
    }


def run(context: Context) -> Metrics:
    """Score classifier, pseudo-masks and segmenter, and draw what they see."""
    dataset, split = context.dataset, reported_split(context.config)
    truth, upstream = dataset.open_masks(), context.upstream
    model, spec = load_classifier(upstream["prune"])
    predict = segmenter_reader(context, upstream["segment"])
    rule = context.config.pseudo_mask
    threshold = f"config, presence_threshold={rule.presence_threshold}"
    metrics = {
        "classifier": {split: validate_classifier(model, dataset, split, spec, context.device)},
        "pseudo_mask": {
            name: evaluate_masks(
                dataset,
                name,
                partial(read_pseudo_mask, upstream["generate"], name),
                truth,
                image_labels=rule.image_labels,
                threshold_from="none" if rule.image_labels == "given" else threshold,
            )
            for name in judged_splits(context.config, dataset)
        },
        "segmenter": {split: evaluate_masks(dataset, split, predict, truth, image_labels="none")},
    }
    draw_figures(context, metrics, split, predict, truth)
    return metrics


def segmenter_reader(context: Context, directory: Path) -> Callable[[str], Mask]:
    """A function from image id to the segmenter's mask ``[H, W]`` at the image's own size."""
    network, spec = load_segmenter(directory)
    network.to(context.device)
    settings = context.config.segmenter

    def read(image_id: str) -> Mask:
        image = context.dataset.read_image(image_id)
        height, width = image.shape[-2:]
        prepared = prepare(image, spec).to(context.device)
        mask = predict_mask(network, prepared, settings.window, settings.overlap, (height, width))
        return np.asarray(mask.cpu().numpy(), dtype=np.uint8)

    return read


def reported_split(config: Config) -> Split:
    """The split named by ``evaluation.split``."""
    return next(split for split in SPLITS if split == config.evaluation.split)


def judged_splits(config: Config, dataset: Dataset) -> tuple[Split, ...]:
    """Where pseudo-masks are scored: the reported split, and ``train`` if it has masks too.

    Without pixel labels for training, the normal case outside of benchmarks, the first training
    image has none.
    """
    split, truth = reported_split(config), dataset.open_masks()
    try:
        truth(dataset.ids("train")[0])
    except UserError:
        return (split,)
    return ("train", split) if split != "train" else ("train",)


def mask_digest(dataset: Dataset, splits: tuple[Split, ...]) -> str:
    """Hash of every pixel label in use, so that changed masks are scored anew."""
    truth = dataset.open_masks()
    digests = {
        image_id: hashlib.sha256(truth(image_id).tobytes()).hexdigest()
        for split in splits
        for image_id in dataset.ids(split)
    }
    return fingerprint(digests)


def _key_figure(metrics: Metrics) -> str:
    pseudo = list(metrics["pseudo_mask"].values())[-1]["miou"]
    (segmenter,) = (result["miou"] for result in metrics["segmenter"].values())
    return f"mIoU pseudo-masks {pseudo:.3f}, segmenter {segmenter:.3f}"


STAGE = Stage(
    name="evaluate",
    upstream=("train", "prune", "extract", "generate", "segment"),
    inputs=inputs,
    run=run,
    key_figure=_key_figure,
)

"""Stage ``segment``: images and pseudo-masks to a segmenter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from wsss.data.base import Dataset
from wsss.data.types import Mask, Split
from wsss.models.checkpoint import InputSpec, load_classifier
from wsss.models.segmenter import build_segmenter, save_segmenter
from wsss.pipelines.config import Config
from wsss.pipelines.generate import read_pseudo_mask
from wsss.pipelines.stage import Context, Metrics, Stage, dataset_inputs
from wsss.randomness import derive_seed
from wsss.training.fit import fit
from wsss.training.samples import TrainingSamples, build_loader
from wsss.training.segmentation import SegmenterTraining


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """The segmenter's settings and the images; pixel labels come from upstream."""
    settings = asdict(config.segmenter)
    settings.pop("overlap")  # prediction only
    return {
        "seed": config.seed,
        "segmenter": settings,
        "dataset": dataset_inputs(config, dataset, ("train", "val")),
        "trainer": config.trainer.result_settings(),
    }


def run(context: Context) -> Metrics:
    """Train on pseudo-masks."""
    _, spec = load_classifier(context.upstream["train"])
    masks = context.upstream["generate"]
    labels: dict[Split, Callable[[str], Mask]] = {
        "train": partial(read_pseudo_mask, masks, "train"),
        "val": partial(read_pseudo_mask, masks, "val"),
    }
    return train_segmenter(context, spec, labels)


def train_segmenter(
    context: Context, spec: InputSpec, labels: dict[Split, Callable[[str], Mask]]
) -> Metrics:
    """Train and save a segmenter on whatever pixel labels are given for train and val."""
    config, settings = context.config, context.config.segmenter
    seed = derive_seed(config.seed, "segmenter")
    classes = list(context.dataset.info.classes)  # the background too, unlike the classifier
    spec = replace(spec, image_size=settings.image_size, classes=classes)
    network = build_segmenter(settings.channels, settings.residual_units, spec, seed)
    loaders = [
        build_loader(
            TrainingSamples(
                context.dataset,
                split,
                spec,
                config.dataset.augment if split == "train" else None,
                seed,
                settings.window if split == "train" else None,
                labels[split],
            ),
            batch_size=settings.batch_size,
            seed=seed,
            shuffle=split == "train",
            num_workers=config.trainer.num_workers,
        )
        for split in labels
    ]
    history = fit(
        SegmenterTraining(network, settings),
        loaders[0],
        loaders[1],
        config=config.trainer,
        max_epochs=settings.max_epochs,
        directory=context.artifact.path,
        work=context.artifact.work,
        report=context.report_epoch,
    )
    save_segmenter(context.artifact.path, network, settings, spec)
    return {"epochs": len(history), "train_loss": history[-1]["train/loss"] if history else None}


STAGE = Stage(
    name="segment",
    upstream=("train", "generate"),
    inputs=inputs,
    run=run,
    key_figure=lambda metrics: f"train loss {metrics['train_loss'] or float('nan'):.3f}",
)

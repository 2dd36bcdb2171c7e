"""Stage ``extract``: class probabilities and class-attention maps of every image."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from torch import Tensor

from wsss.attention import class_maps
from wsss.data.base import SPLITS, Dataset
from wsss.data.maps import shard_path, write_shard
from wsss.models.checkpoint import load_classifier
from wsss.pipelines.config import Config
from wsss.pipelines.stage import Context, Metrics, Stage, dataset_inputs
from wsss.progress import track
from wsss.training.classifier import class_probabilities
from wsss.training.predict import image_batches

SHARD = 64


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """How maps are taken, and of which images."""
    return {
        "attention": asdict(config.attention),
        "dataset": dataset_inputs(config, dataset, SPLITS),
    }


def run(context: Context) -> Metrics:
    """Write one shard after another; shards that are there already are kept."""
    model, spec = load_classifier(context.upstream["prune"])
    directory, attention = context.artifact.path, context.config.attention
    model.to(context.device)
    counts: dict[str, int] = {}
    for split in SPLITS:
        ids = context.dataset.ids(split)
        counts[split] = len(ids)
        shards = range(0, len(ids), SHARD)
        for index, start in enumerate(track(shards, f"maps of {split}")):
            path, members = shard_path(directory, split, index), ids[start : start + SHARD]
            if path.exists():  # shards appear whole or not at all
                continue
            maps: list[Tensor] = []
            probabilities: list[Tensor] = []
            for _, images in image_batches(context.dataset, members, spec, attention.batch_size):
                logits, summed = class_maps(model, images.to(context.device), attention)
                maps.extend(summed.cpu())
                probabilities.extend(class_probabilities(logits, spec.multi_label).cpu())
            write_shard(path, members, maps, probabilities)
    return {"images": counts}


STAGE = Stage(
    name="extract",
    upstream=("prune",),
    inputs=inputs,
    run=run,
    key_figure=lambda metrics: f"maps of {sum(metrics['images'].values())} images",
)

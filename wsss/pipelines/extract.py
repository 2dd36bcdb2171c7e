"""Stage ``extract``: class probabilities and class-attention maps of every image.

Both come from the classifier that stage prune leaves or, with ``attention.heads=all``, from the one
that stage train does. Both artifacts are upstream, whichever is read. For maps of the pruned
classifier that changes nothing, since a prune artifact's fingerprint covers its train artifact's;
with ``heads=all`` it means that other pruning settings have the same maps extracted again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wsss.attention import AttentionConfig, class_maps
from wsss.data.base import Dataset
from wsss.data.fit import fitted_size, own_size, resize
from wsss.data.maps import shard_path, write_shard
from wsss.data.types import SPLITS
from wsss.layer_weights import attended_scores, learn_layer_weights
from wsss.models.checkpoint import InputSpec, load_classifier
from wsss.models.vit import ClassTokenViT
from wsss.pipelines.config import Config
from wsss.pipelines.prune import head_weights
from wsss.pipelines.stage import WHOLE, Context, Metrics, Part, Stage, dataset_inputs
from wsss.progress import track
from wsss.training.losses import class_probabilities
from wsss.training.samples import TrainingSamples, build_loader, standardise

SHARD = 64


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """How maps are taken, and of which images."""
    return {
        "attention": asdict(config.attention),
        "dataset": dataset_inputs(config, dataset, SPLITS),
    }


def run(context: Context) -> Metrics:
    """Write one shard after another; shards that are there already are kept."""
    source = _source(context)
    _write_shards(context, source, WHOLE)
    counts = {split: len(context.dataset.ids(split)) for split in SPLITS}
    layers = source.layer_weights
    return {"images": counts} | ({} if layers is None else {"layer_weights": layers.tolist()})


def run_part(context: Context, part: Part) -> None:
    """Write the shards of one part."""
    _write_shards(context, _source(context), part)


@dataclass(frozen=True)
class Source:
    """What maps are taken from."""

    model: ClassTokenViT
    spec: InputSpec
    head_weights: Sequence[Tensor] | None
    layer_weights: Tensor | None


def _source(context: Context) -> Source:
    attention = context.config.attention
    model, spec = load_classifier(
        context.upstream["train" if attention.heads == "all" else "prune"]
    )
    model.to(context.device)
    weights = head_weights(context.upstream["prune"]) if attention.heads == "weighted" else None
    if weights is not None:
        weights = [layer.to(context.device) for layer in weights]
    layers = None
    if attention.layers == "learnt":
        layers = _layer_weights(context, model, spec, weights)
    return Source(model, spec, weights, layers)


def _write_shards(context: Context, source: Source, part: Part) -> None:
    for split in SPLITS:
        ids = context.dataset.ids(split)
        shards = range(0, len(ids), SHARD)
        for index, start in enumerate(track(shards, f"maps of {split}")):
            path = shard_path(context.artifact.path, split, index)
            if part.has(index) and not path.exists():  # shards appear whole or not at all
                _write_shard(context, source, path, ids[start : start + SHARD])


def _layer_weights(
    context: Context, model: ClassTokenViT, spec: InputSpec, head_weights: Sequence[Tensor] | None
) -> Tensor:
    """Learnt on the training split, by image labels; see `wsss.layer_weights`."""
    samples = TrainingSamples(context.dataset, "train", spec, None, context.config.seed)
    batches = build_loader(
        samples,
        batch_size=context.config.attention.batch_size,
        seed=context.config.seed,
        shuffle=False,
        num_workers=context.config.trainer.num_workers,
    )

    def scores() -> Iterator[tuple[tuple[Tensor, Tensor], Tensor]]:
        for batch in track(batches, "weights of layers", len(batches)):
            images = batch["image"].to(context.device)
            found, given = attended_scores(model, images, head_weights)
            yield (found.cpu(), given.cpu()), batch["labels"]

    return learn_layer_weights(scores(), spec.multi_label).to(context.device)


def _write_shard(context: Context, source: Source, path: Path, ids: Sequence[str]) -> None:
    attention, spec = context.config.attention, source.spec
    maps: dict[str, Tensor] = {}
    probabilities: dict[str, Tensor] = {}
    for batch in batches_of_one_size(context.dataset, ids, spec, attention):
        images = [context.dataset.read_image(image_id) for image_id in batch]
        size = view_size((images[0].shape[-2], images[0].shape[-1]), spec, attention)
        views = torch.stack([resize(standardise(image, spec), size) for image in images])
        logits, summed = class_maps(
            source.model,
            views.to(context.device),
            attention,
            square=spec.fit == "pad",
            head_weights=source.head_weights,
            layer_weights=source.layer_weights,
        )
        maps |= zip(batch, summed.cpu(), strict=True)
        probabilities |= zip(
            batch, class_probabilities(logits, spec.multi_label).cpu(), strict=True
        )
    write_shard(path, ids, [maps[i] for i in ids], [probabilities[i] for i in ids])


def batches_of_one_size(
    dataset: Dataset, ids: Sequence[str], spec: InputSpec, attention: AttentionConfig
) -> Iterator[Sequence[str]]:
    """The ids in batches of images that maps are taken from at the same size."""
    alike: dict[tuple[int, int], list[str]] = {}
    for image_id in ids:
        alike.setdefault(view_size(dataset.size(image_id), spec, attention), []).append(image_id)
    for members in alike.values():
        for start in range(0, len(members), attention.batch_size):
            yield members[start : start + attention.batch_size]


def view_size(
    size: tuple[int, int], spec: InputSpec, attention: AttentionConfig
) -> tuple[int, int]:
    """Height and width at which maps of an image of ``size`` are taken, before ``scales``."""
    if attention.max_side is None:
        return fitted_size(size, spec.image_size, spec.fit)
    return own_size(size, attention.max_side)


STAGE = Stage(
    name="extract",
    upstream=("train", "prune"),
    inputs=inputs,
    run=run,
    run_part=run_part,
    key_figure=lambda metrics: f"maps of {sum(metrics['images'].values())} images",
)

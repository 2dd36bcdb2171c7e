"""The work of stage ``extract``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from torch import Tensor

from wsss.config.schema import Config
from wsss.data.types import SPLITS
from wsss.engine.stage import WHOLE, Context, Metrics, Part
from wsss.maps.class_maps import class_maps, token_maps
from wsss.maps.layer_weights import attended_scores, learn_layer_weights
from wsss.maps.sources.needs import NEEDS
from wsss.maps.storage import is_whole, shard_path, write_shard
from wsss.maps.views import Views, read_views
from wsss.models.checkpoint import load_classifier
from wsss.models.input_spec import InputSpec
from wsss.models.vit import ClassTokenViT
from wsss.progress import track
from wsss.stages.frozen import patch_tokens
from wsss.stages.gates import head_weights
from wsss.stages.settings import trains_on_tokens
from wsss.stages.shards import shards_of
from wsss.training.losses import class_probabilities
from wsss.training.samples import TrainingSamples, build_loader
from wsss.training.stored_tokens import StoredTokens


def extract(context: Context) -> Metrics:
    """Write one shard after another; existing shards are kept."""
    source = _source(context)
    _write_shards(context, source, WHOLE)
    counts = {split: len(context.dataset.ids(split)) for split in SPLITS}
    layers = source.layer_weights
    return {"images": counts} | ({} if layers is None else {"layer_weights": layers.tolist()})


def extract_part(context: Context, part: Part) -> None:
    """Write the shards of one part."""
    _write_shards(context, _source(context), part)


@dataclass(frozen=True)
class Source:
    """The classifier and weights that maps are computed from."""

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
        path = partial(shard_path, context.artifact.path, split)
        shards = shards_of(context.dataset.ids(split))
        missing = [i for i in shards if part.has(i) and not is_whole(path(i), shards[i])]
        if not missing:
            continue  # start no workers
        if _tokens_suffice(context.config):
            tokens = patch_tokens(context, source.model, source.spec, split, part=part)
            for index in missing:
                _write_from_tokens(
                    context, source, path(index), ids=shards[index], tokens=tokens[index]
                )
            continue
        views = read_views(
            context.dataset,
            {index: shards[index] for index in missing},
            source.spec,
            context.config.attention,
            workers=context.config.launch.workers,
        )
        together = groupby(views, lambda batch: batch.shard)
        for index, batches in track(together, f"maps of {split}", len(missing)):
            _write_shard(context, source, path(index), ids=shards[index], batches=batches)


def _tokens_suffice(config: Config) -> bool:
    """Whether maps are made of the patch tokens that training has computed, at their size."""
    attention = config.attention
    one_view = attention.max_side is None and attention.scales == [1.0] and not attention.flip
    alone = NEEDS[attention.source].patches_alone and not attention.affinity
    return trains_on_tokens(config) and one_view and alone


def _write_from_tokens(
    context: Context, source: Source, path: Path, *, ids: Sequence[str], tokens: Path
) -> None:
    stored, model = StoredTokens([tokens]), source.model.cpu()
    found = [
        token_maps(model, stored.read(row)[None], context.config.attention)
        for row in range(len(ids))
    ]
    probabilities = [class_probabilities(p, source.spec.multi_label)[0] for p, _ in found]
    write_shard(path, ids, [maps[0] for _, maps in found], probabilities)


def _write_shard(
    context: Context, source: Source, path: Path, *, ids: Sequence[str], batches: Iterable[Views]
) -> None:
    maps: dict[str, Tensor] = {}
    probabilities: dict[str, Tensor] = {}
    for batch in batches:
        logits, summed = class_maps(
            source.model,
            batch.images.to(context.device),
            context.config.attention,
            square=source.spec.fit == "pad",
            head_weights=source.head_weights,
            layer_weights=source.layer_weights,
        )
        found = class_probabilities(logits, source.spec.multi_label)
        maps |= zip(batch.ids, summed.cpu(), strict=True)
        probabilities |= zip(batch.ids, found.cpu(), strict=True)
    write_shard(path, ids, [maps[i] for i in ids], [probabilities[i] for i in ids])


def _layer_weights(
    context: Context, model: ClassTokenViT, spec: InputSpec, head_weights: Sequence[Tensor] | None
) -> Tensor:
    """Learnt from the image labels of the training split; see `wsss.maps.layer_weights`."""
    samples = TrainingSamples(
        context.dataset, "train", spec, augmentation=None, seed=context.config.seed
    )
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

"""Training on patch tokens, and scores from them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from wsss.data.types import Split
from wsss.engine.stage import Context, Metrics
from wsss.evaluation.classification import classification_metrics
from wsss.models.input_spec import InputSpec
from wsss.models.token_classifier import TokenClassifier
from wsss.models.vit import ClassTokenViT
from wsss.stages.frozen import patch_tokens
from wsss.stages.settings import trains_on_tokens
from wsss.training.losses import class_probabilities
from wsss.training.predict import validate_classifier
from wsss.training.samples import Batch, build_loader
from wsss.training.self_labelling import learn_from_own_labels
from wsss.training.stored_tokens import StoredTokens
from wsss.training.tag_likelihood import TaggedTokens
from wsss.training.token_samples import TokenSamples

_BATCH = 64


def token_loaders(
    context: Context, model: ClassTokenViT, spec: InputSpec
) -> tuple[DataLoader[Batch], DataLoader[Batch]]:
    """Loaders of patch tokens of the training and validation split, with image labels.

    Of the augmentation, the horizontal flip alone applies: each view must be encoded.
    """
    config = context.config

    def loader(split: Split, *, shuffle: bool) -> DataLoader[Batch]:
        tokens = _all_tokens(context, model, spec, split)
        return build_loader(
            TokenSamples(tokens, _labels(context, split), config.seed),
            batch_size=config.trainer.batch_size,
            seed=config.seed,
            shuffle=shuffle,
            num_workers=0,  # reading tokens is no work
            **({"world": context.world} if shuffle else {}),
        )

    return loader("train", shuffle=True), loader("val", shuffle=False)


def self_label(context: Context, model: ClassTokenViT, spec: InputSpec) -> Metrics:
    """Add a labeller to a trained classifier, if the config has rounds of self-labelling.

    Returns:
        The round that is kept, if there are any.
    """
    settings = context.config.self_labelling
    if settings.rounds == 0:
        return {}
    assert model.patch_head is not None
    train, val = (
        TaggedTokens(_all_tokens(context, model, spec, split), _labels(context, split))
        for split in ("train", "val")
    )
    labeller, kept = learn_from_own_labels(
        model.patch_head,
        train,
        val,
        settings,
        seed=context.config.seed,
        report=partial(context.report_epoch, unit="round"),
    )
    model.architecture, model.labeller = replace(model.architecture, labeller=True), labeller
    context.console.print(f"  self-labelling: round {kept} of {settings.rounds} is kept")
    return {"self_labelling_round": kept}


def score_classifier(
    context: Context, model: ClassTokenViT, spec: InputSpec, split: Split
) -> dict[str, Any]:
    """Scores of a classifier by image labels, see `classification_metrics`."""
    if not trains_on_tokens(context.config):
        dataset, device = context.dataset, context.device
        return validate_classifier(model, dataset, split, spec=spec, device=device)
    assert model.patch_head is not None
    classifier, tokens = TokenClassifier(model.patch_head), _all_tokens(context, model, spec, split)
    with torch.no_grad():
        logits = [
            classifier(tokens.batch(range(first, min(first + _BATCH, len(tokens)))))
            for first in range(0, len(tokens), _BATCH)
        ]
    return classification_metrics(
        class_probabilities(torch.cat(logits), spec.multi_label).numpy(),
        context.dataset.labels(split),
        multi_label=spec.multi_label,
        classes=spec.classes,
    )


def _all_tokens(
    context: Context, model: ClassTokenViT, spec: InputSpec, split: Split
) -> StoredTokens:
    return StoredTokens(list(patch_tokens(context, model, spec, split).values()))


def _labels(context: Context, split: Split) -> Tensor:
    return torch.from_numpy(context.dataset.labels(split))

"""The untrained classifier, its input and its batches, shared by several stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.statistics import band_statistics
from wsss.engine.stage import Context
from wsss.models.architecture import LOCAL_STATISTICS
from wsss.models.build import build_classifier
from wsss.models.checkpoint import load_weights
from wsss.models.freezing import freeze_encoder
from wsss.models.input_spec import InputSpec
from wsss.models.normalisation import known_statistics
from wsss.models.released.library import describe, load_library
from wsss.models.released.pretrained import LoadReport, load_pretrained, pretrained_side
from wsss.models.vit import ClassTokenViT
from wsss.randomness import keyed_generator
from wsss.training.samples import Batch, TrainingSamples, build_loader


def build(
    config: Config, spec: InputSpec, note: Callable[[LoadReport], None] | None = None
) -> ClassTokenViT:
    """The classifier before training: fresh, from ``model.init_from`` or ``model.pretrained``.

    ``note`` receives the report on pretrained weights. With ``model.frozen`` the encoder is not
    trained, and has position embeddings for the size that it was pretrained at, so that they are
    interpolated only once.
    """
    settings, size, encoder = config.model, spec.image_size, None
    pretrained = None if settings.pretrained is None else Path(settings.pretrained)
    library = settings.encoder == "transformers"
    if library:
        encoder = describe(settings, spec.bands)
    elif settings.encoder == LOCAL_STATISTICS:
        encoder = {"model_type": LOCAL_STATISTICS}
    elif settings.frozen and pretrained is not None:
        size = pretrained_side(pretrained) * settings.patch_size
    model = build_classifier(
        settings,
        image_size=size,
        in_channels=len(spec.bands),
        num_classes=len(spec.classes),
        generator=keyed_generator(config.seed, "init"),
        encoder=encoder,
    )
    if settings.init_from is not None:
        load_weights(model, Path(settings.init_from))
    if pretrained is not None:
        load = load_library if library else load_pretrained
        report = load(model, pretrained, spec.bands)
        if note is not None:
            note(report)
    if settings.frozen:
        freeze_encoder(model)
    return model


def blank_spec(config: Config, dataset: Dataset) -> InputSpec:
    """The input of the classifier without band statistics, which take a pass over the images."""
    bands = list(dataset.info.bands)
    return InputSpec(
        classes=list(dataset.info.image_class_names),
        bands=bands,
        mean=[0.0] * len(bands),
        std=[1.0] * len(bands),
        image_size=config.dataset.image_size,
        fit=config.dataset.fit,
        multi_label=dataset.info.multi_label,
        patch_size=config.model.patch_size if config.dataset.fit == "keep" else 1,
    )


def input_spec(config: Config, dataset: Dataset, memory: Path | None = None) -> InputSpec:
    """Bands, classes and band statistics of the training split; statistics are cached."""
    statistics = band_statistics(dataset, memory=memory)
    return replace(blank_spec(config, dataset), mean=statistics.mean, std=statistics.std)


def classifier_spec(config: Config, dataset: Dataset, memory: Path | None = None) -> InputSpec:
    """The input of the classifier, with the mean and deviation that its encoder expects."""
    if config.model.normalisation == "dataset":
        return input_spec(config, dataset, memory)
    info = dataset.info
    known = known_statistics(config.model.normalisation, info.bands, info.display_range)
    return replace(blank_spec(config, dataset), mean=known.mean, std=known.std)


def classifier_loaders(
    context: Context, spec: InputSpec
) -> tuple[DataLoader[Batch], DataLoader[Batch]]:
    """Loaders of the training and validation split with image labels."""
    config, dataset = context.config, context.dataset
    common: dict[str, Any] = {
        "batch_size": config.trainer.batch_size,
        "seed": config.seed,
        "num_workers": config.trainer.num_workers,
    }
    train = TrainingSamples(
        dataset, "train", spec, augmentation=config.dataset.augment, seed=config.seed
    )
    val = TrainingSamples(dataset, "val", spec, augmentation=None, seed=config.seed)
    return (
        build_loader(train, shuffle=True, world=context.world, **common),
        build_loader(val, shuffle=False, **common),
    )

"""Stage ``train``: images and image labels to a classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from wsss.data.base import Dataset
from wsss.data.statistics import band_statistics
from wsss.masking import absent_shares
from wsss.models.build import build_classifier
from wsss.models.checkpoint import InputSpec, digest, load_weights, save_classifier
from wsss.models.pretrained import LoadReport, load_pretrained, weights_file
from wsss.models.vit import ClassTokenViT
from wsss.pipelines.artifacts import write_json
from wsss.pipelines.config import Config
from wsss.pipelines.stage import Context, Metrics, Stage, dataset_inputs
from wsss.randomness import keyed_generator
from wsss.training.gates import HardConcretePruning, JointPruning
from wsss.training.predict import validate_classifier
from wsss.training.samples import Batch, TrainingSamples, batches_of, build_loader
from wsss.training.trainer_config import TrainerConfig


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """Everything that the classifier depends on."""
    model = asdict(config.model)
    if config.model.init_from is not None:
        model["init_from"] = digest(Path(config.model.init_from))
    if config.model.pretrained is not None:
        model["pretrained"] = digest(weights_file(Path(config.model.pretrained)))
    return {
        "seed": config.seed,
        "dataset": dataset_inputs(config, dataset, ("train", "val")),
        "model": model,
        "masking": asdict(config.masking),
        "loss": asdict(config.loss),
        "pruning": None if joint_pruning(config) is None else asdict(config.pruning),
        "optimizer": asdict(config.optimizer),
        "scheduler": asdict(config.scheduler),
        "trainer": classifier_trainer(config).classifier_settings()
        | {"max_epochs": config.trainer.max_epochs},
    }


def run(context: Context) -> Metrics:
    """Train, save, and score on the validation split by image labels."""
    # Imported here: Lightning takes seconds, and most commands train nothing.
    from wsss.training.classifier import ClassifierTraining
    from wsss.training.fit import fit

    config, dataset = context.config, context.dataset
    spec = input_spec(config, dataset, context.memory)
    model = build(config, spec, partial(_note, context))
    model.train_block = config.trainer.block_runner()
    pruning = joint_pruning(config)
    if pruning is not None:
        model.gates = pruning.gates(model)
    loaders = classifier_loaders(context, spec)
    module = ClassifierTraining(
        model,
        config.masking,
        config.loss,
        config.optimizer,
        config.scheduler,
        config.trainer.max_epochs,
        spec.classes,
        spec.multi_label,
        config.seed,
        absent_shares(torch.from_numpy(dataset.labels("train"))),
        pruning,
        batches=batches_of(loaders[0]),
    )
    history = fit(
        module,
        *loaders,
        config=classifier_trainer(config),
        max_epochs=config.trainer.max_epochs,
        directory=context.artifact.path,
        work=context.artifact.work,
        report=context.report_epoch,
    )
    if not context.world.leads:
        return {}
    save_classifier(context.artifact.path, model, spec)
    validation = validate_classifier(model, dataset, "val", spec, context.device)
    return {"epochs": len(history), "val": validation}


def joint_pruning(config: Config) -> JointPruning | None:
    """The pruning settings, where gates are trained with the classifier."""
    pruning = config.pruning
    joint = isinstance(pruning, JointPruning) and not isinstance(pruning, HardConcretePruning)
    return pruning if joint else None  # type: ignore[return-value]


def classifier_trainer(config: Config) -> TrainerConfig:
    """How the classifier is trained: to the end, where gates are trained with it."""
    return config.trainer if joint_pruning(config) is None else config.trainer.to_the_end()


def build(
    config: Config, spec: InputSpec, note: Callable[[LoadReport], None] | None = None
) -> ClassTokenViT:
    """The classifier before training: fresh, from ``model.init_from`` or ``model.pretrained``.

    ``note`` gets to know what became of pretrained weights.
    """
    model = build_classifier(
        config.model,
        image_size=spec.image_size,
        in_channels=len(spec.bands),
        num_classes=len(spec.classes),
        generator=keyed_generator(config.seed, "init"),
    )
    if config.model.init_from is not None:
        load_weights(model, Path(config.model.init_from))
    if config.model.pretrained is not None:
        report = load_pretrained(model, Path(config.model.pretrained), spec.bands)
        if note is not None:
            note(report)
    return model


def _note(context: Context, report: LoadReport) -> None:
    write_json(context.artifact.path / "pretrained.json", asdict(report))
    context.console.print(f"  pretrained: {report.summary()}", highlight=False, markup=False)


def input_spec(config: Config, dataset: Dataset, memory: Path | None = None) -> InputSpec:
    """Bands, classes and statistics of the training split, from memory where they are known."""
    statistics = band_statistics(dataset, memory=memory)
    return InputSpec(
        classes=list(dataset.info.image_class_names),
        bands=list(dataset.info.bands),
        mean=statistics.mean,
        std=statistics.std,
        image_size=config.dataset.image_size,
        fit=config.dataset.fit,
        multi_label=dataset.info.multi_label,
    )


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
    train = TrainingSamples(dataset, "train", spec, config.dataset.augment, config.seed)
    val = TrainingSamples(dataset, "val", spec, None, config.seed)
    return (
        build_loader(train, shuffle=True, world=context.world, **common),
        build_loader(val, shuffle=False, **common),
    )


STAGE = Stage(
    name="train",
    upstream=(),
    inputs=inputs,
    run=run,
    key_figure=lambda metrics: f"val mAP {metrics['val']['mAP']:.3f}",
    trains=lambda config: True,
)

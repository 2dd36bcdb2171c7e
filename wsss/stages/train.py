"""Stage ``train``: train a classifier on images and image labels."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from wsss.config.cross_checks import check_competition
from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.positives import check_positives
from wsss.engine.artifacts import write_json
from wsss.engine.stage import Context, Metrics, Stage, dataset_inputs
from wsss.errors import UserError
from wsss.models.checkpoint import digest, save_classifier
from wsss.models.normalisation import imagenet_statistics
from wsss.models.released.pretrained import LoadReport, weights_file
from wsss.models.token_classifier import TokenClassifier
from wsss.models.vit import ClassTokenViT
from wsss.stages.classifier import (
    blank_spec,
    build,
    classifier_loaders,
    classifier_spec,
    classifier_trainer,
)
from wsss.stages.frozen import trains_on_tokens
from wsss.stages.token_training import score_classifier, self_label, token_loaders
from wsss.training.masking import absent_shares
from wsss.training.samples import batches_of


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """All settings and data that determine the classifier."""
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
        "pruning": None if config.pruning.with_classifier() is None else asdict(config.pruning),
        "optimizer": asdict(config.optimizer),
        "scheduler": asdict(config.scheduler),
        "self_labelling": asdict(config.self_labelling) if config.self_labelling.rounds else None,
        "trainer": classifier_trainer(config).classifier_settings()
        | {"max_epochs": config.trainer.max_epochs},
    }


def check(config: Config, dataset: Dataset) -> None:
    """`UserError` without labels to learn and to score, or for weights that do not fit."""
    check_positives(dataset, "train", "val")
    check_competition(config.masking, config.model)
    if config.model.patch_head == "compete_background" and dataset.info.background is None:
        raise UserError(
            f"model.patch_head=compete_background needs a background, {dataset.info.name} has "
            "none; set model.patch_head=compete, or dataset.background if a class is one"
        )
    if config.model.frozen and config.model.init_from is None and config.model.pretrained is None:
        raise UserError("model.frozen=true needs model.pretrained or model.init_from")
    if config.self_labelling.rounds and not trains_on_tokens(config):
        raise UserError(
            "self_labelling.rounds needs a frozen encoder with a patch head alone, see "
            "experiment=frozen_encoder; set self_labelling.rounds=0"
        )
    if config.dataset.fit == "keep" and not trains_on_tokens(config):
        raise UserError(
            "dataset.fit=keep needs a frozen encoder with a patch head alone, see "
            "experiment=frozen_encoder; set dataset.fit=pad"
        )
    if config.model.normalisation == "imagenet":
        imagenet_statistics(dataset.info.bands, dataset.info.display_range)
    if config.model.init_from is not None or config.model.pretrained is not None:
        build(config, blank_spec(config, dataset))


def run(context: Context) -> Metrics:
    """Train, save, and score on the validation split by image labels."""
    # Imported here: Lightning takes seconds, and most commands train nothing.
    from wsss.training.classifier import ClassifierTraining
    from wsss.training.fit import fit

    config, dataset = context.config, context.dataset
    spec = classifier_spec(config, dataset, context.memory)
    model = build(config, spec, partial(_note, context))
    model.train_block = config.trainer.block_runner()
    gate_training = config.pruning.with_classifier()
    if gate_training is not None:
        model.gates = gate_training.gates(model)
    trained: ClassTokenViT | TokenClassifier = model
    if trains_on_tokens(config):
        assert model.patch_head is not None
        trained, loaders = TokenClassifier(model.patch_head), token_loaders(context, model, spec)
    else:
        loaders = classifier_loaders(context, spec)
    module = ClassifierTraining(
        trained,
        masking=config.masking,
        loss=config.loss,
        optimizer=config.optimizer,
        scheduler=config.scheduler,
        max_epochs=config.trainer.max_epochs,
        classes=spec.classes,
        multi_label=spec.multi_label,
        seed=config.seed,
        absent=absent_shares(torch.from_numpy(dataset.labels("train"))),
        gate_training=gate_training,
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
        rate="optimizer.lr",
    )
    if not context.world.leads:
        return {}
    self_label(context, model, spec)
    save_classifier(context.artifact.path, model, spec)
    return {"epochs": len(history), "val": score_classifier(context, model, spec, "val")}


def _note(context: Context, report: LoadReport) -> None:
    write_json(context.artifact.path / "pretrained.json", asdict(report))
    context.console.print(f"  pretrained: {report.summary()}")


STAGE = Stage(
    name="train",
    upstream=(),
    inputs=inputs,
    run=run,
    check=check,
    key_figure=lambda metrics: f"val mAP {metrics['val']['mAP']:.3f}",
    trains=lambda config: True,
)

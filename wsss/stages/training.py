"""The work of stage ``train``."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

import torch

from wsss.engine.artifacts import write_json
from wsss.engine.stage import Context, Metrics
from wsss.models.checkpoint import save_classifier
from wsss.models.released.pretrained import LoadReport
from wsss.models.token_classifier import TokenClassifier
from wsss.models.vit import ClassTokenViT
from wsss.stages.classifier import build, classifier_loaders, classifier_spec
from wsss.stages.settings import classifier_trainer, trains_on_tokens
from wsss.stages.statistics_fit import fit_statistics
from wsss.stages.token_training import score_classifier, self_label, token_loaders
from wsss.training.classifier import ClassifierTraining
from wsss.training.fit import fit
from wsss.training.masking import absent_shares
from wsss.training.samples import batches_of


def train(context: Context) -> Metrics:
    """Train, save, and score on the validation split by image labels."""
    config, dataset = context.config, context.dataset
    spec = classifier_spec(config, dataset, context.memory)
    model = build(config, spec, partial(_note, context))
    fit_statistics(context, model.patch_embed, spec)
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
    kept = self_label(context, model, spec)
    save_classifier(context.artifact.path, model, spec)
    return {"epochs": len(history), "val": score_classifier(context, model, spec, "val")} | kept


def _note(context: Context, report: LoadReport) -> None:
    write_json(context.artifact.path / "pretrained.json", asdict(report))
    context.console.print(f"  pretrained: {report.summary()}")

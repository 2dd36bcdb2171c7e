"""Stage ``train``: train a classifier on images and image labels."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from wsss.config.cross_checks import check_competition
from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.positives import check_positives
from wsss.engine.stage import Context, Metrics, Stage, dataset_inputs
from wsss.errors import UserError
from wsss.models.architecture import LOCAL_STATISTICS
from wsss.models.library_description import read_description
from wsss.models.normalisation import known_statistics
from wsss.models.weights import digest, pretrained_file
from wsss.stages.settings import classifier_trainer, trains_on_tokens

_KEPT_ROUND = {
    "kept_round": "highest tag likelihood of val"
}  # earlier versions kept the last round


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """All settings and data that determine the classifier."""
    model = asdict(config.model)
    if config.model.init_from is not None:
        model["init_from"] = digest(Path(config.model.init_from))
    if config.model.pretrained is not None:
        model["pretrained"] = digest(pretrained_file(Path(config.model.pretrained)))
        if config.model.encoder == "transformers":  # it says how the weights are used
            model["encoder"] = read_description(Path(config.model.pretrained))
    return {
        "seed": config.seed,
        "dataset": dataset_inputs(config, dataset, ("train", "val")),
        "model": model,
        "masking": asdict(config.masking),
        "loss": asdict(config.loss),
        "pruning": None if config.pruning.with_classifier() is None else asdict(config.pruning),
        "optimizer": asdict(config.optimizer),
        "scheduler": asdict(config.scheduler),
        "self_labelling": asdict(config.self_labelling) | _KEPT_ROUND
        if config.self_labelling.rounds
        else None,
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
    learnt = config.model.encoder != LOCAL_STATISTICS and config.model.init_from is None
    if config.model.frozen and learnt and config.model.pretrained is None:
        raise UserError("model.frozen=true needs model.pretrained or model.init_from")
    if config.model.encoder == "transformers" and config.model.pretrained is None:
        raise UserError(
            "model.encoder=transformers needs model.pretrained, a directory of Hugging Face"
        )
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
    name = config.model.normalisation
    if name != "dataset":
        known_statistics(name, dataset.info.bands, dataset.info.display_range)
    if config.model.init_from is not None or config.model.pretrained is not None:
        from wsss.stages.classifier import blank_spec, build

        build(config, blank_spec(config, dataset))


def run(context: Context) -> Metrics:
    """Train, save, and score on the validation split by image labels."""
    from wsss.stages.training import train

    return train(context)


STAGE = Stage(
    name="train",
    upstream=(),
    inputs=inputs,
    run=run,
    check=check,
    key_figure=lambda metrics: f"val mAP {metrics['val']['mAP']:.3f}",
    trains=lambda config: True,
)

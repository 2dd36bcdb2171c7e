"""Classifier training as a Lightning module, with defaults for all settings."""

from __future__ import annotations

from typing import Any

import torch

from wsss.models import ClassTokenViT
from wsss.training.classifier import ClassifierTraining
from wsss.training.loss_config import LossConfig
from wsss.training.masking import NoMasking
from wsss.training.optimizers import SgdConfig
from wsss.training.pruning import PruningAfter
from wsss.training.schedulers import ConstantConfig


def classifier_training(model: ClassTokenViT, **changes: Any) -> ClassifierTraining:
    settings: dict[str, Any] = dict(
        masking=NoMasking("none"),
        loss=LossConfig(diversity=0.0, contrast=0.0),
        optimizer=SgdConfig("sgd", lr=0.1, weight_decay=0.0, momentum=0.0),
        scheduler=ConstantConfig("constant"),
        max_epochs=1,
        classes=[str(index) for index in range(model.num_classes)],
        multi_label=True,
        seed=0,
        absent=torch.full((model.num_classes,), 0.5),
        gate_training=None if model.gates is None else pruning_after(),
    )
    return ClassifierTraining(model, **(settings | changes))


def pruning_after(**changes: Any) -> PruningAfter:
    settings: dict[str, Any] = dict(
        name="after", penalty=0.1, gate_lr=0.1, keep=None, max_epochs=1, lr=0.1
    )
    return PruningAfter(**(settings | changes))

"""Class probabilities over a split, and the metrics that image labels allow."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wsss.data.base import Dataset
from wsss.data.fit import pad
from wsss.data.types import Split
from wsss.metrics import classification_metrics
from wsss.models.checkpoint import InputSpec
from wsss.models.vit import ClassTokenViT
from wsss.training.classifier import class_probabilities
from wsss.training.samples import prepare

BATCH = 32


@torch.no_grad()
def predict_probabilities(
    model: ClassTokenViT,
    dataset: Dataset,
    split: Split,
    spec: InputSpec,
    device: torch.device,
) -> NDArray[np.float32]:
    """Class probabilities ``[images, classes]`` in the order of ``dataset.ids(split)``."""
    model.to(device)
    ids, parts = dataset.ids(split), []
    for start in range(0, len(ids), BATCH):
        images = [
            pad(prepare(dataset.read_image(image_id), spec), spec.image_size)
            for image_id in ids[start : start + BATCH]
        ]
        logits = model(torch.stack(images).to(device))
        parts.append(class_probabilities(logits, spec.multi_label).cpu())
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)


def validate_classifier(
    model: ClassTokenViT,
    dataset: Dataset,
    split: Split,
    spec: InputSpec,
    device: torch.device,
) -> dict[str, Any]:
    """mAP, per-class average precision and F1 of a split; see `classification_metrics`."""
    probabilities = predict_probabilities(model, dataset, split, spec, device)
    return classification_metrics(
        probabilities,
        dataset.labels(split),
        multi_label=spec.multi_label,
        classes=spec.classes,
    )

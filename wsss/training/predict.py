"""Class probabilities over a split, and the metrics that image labels allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wsss.data.base import Dataset, Split
from wsss.metrics import classification_metrics
from wsss.models.checkpoint import InputSpec
from wsss.models.vit import ClassTokenViT
from wsss.training.classifier import class_probabilities
from wsss.training.samples import prepare

BATCH = 32


def image_batches(
    dataset: Dataset, ids: Sequence[str], spec: InputSpec, batch_size: int
) -> Iterator[tuple[Sequence[str], Tensor]]:
    """Ids and prepared images ``[B, bands, S, S]``, in order."""
    for start in range(0, len(ids), batch_size):
        chosen = ids[start : start + batch_size]
        images = [prepare(dataset.read_image(image_id), spec) for image_id in chosen]
        yield chosen, torch.stack(images)


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
    parts = [
        class_probabilities(model(images.to(device)), spec.multi_label).cpu()
        for _, images in image_batches(dataset, dataset.ids(split), spec, BATCH)
    ]
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

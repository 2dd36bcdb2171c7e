"""Predictions of trained networks: class probabilities and masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from wsss.data.base import Dataset
from wsss.data.fit import pad
from wsss.data.types import IGNORE_INDEX, Image, Mask, Split
from wsss.data.validity import valid_pixels
from wsss.evaluation.classification import classification_metrics
from wsss.models.input_spec import InputSpec, prepare
from wsss.models.segmenter import predict
from wsss.models.segmenter_config import SegmenterConfig
from wsss.models.vit import ClassTokenViT
from wsss.training.losses import class_probabilities

BATCH = 32


@torch.no_grad()
def predict_probabilities(
    model: ClassTokenViT,
    dataset: Dataset,
    split: Split,
    *,
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
    *,
    spec: InputSpec,
    device: torch.device,
) -> dict[str, Any]:
    """mAP, per-class average precision and F1 of a split; see `classification_metrics`."""
    probabilities = predict_probabilities(model, dataset, split, spec=spec, device=device)
    return classification_metrics(
        probabilities,
        dataset.labels(split),
        multi_label=spec.multi_label,
        classes=spec.classes,
    )


def predict_mask(
    network: nn.Module,
    dataset: Dataset,
    image_id: str,
    *,
    spec: InputSpec,
    settings: SegmenterConfig,
    device: torch.device,
    allowed: Sequence[int] | None = None,
) -> Mask:
    """A segmenter's mask ``[H, W]`` of an image, at the image's own size.

    Args:
        network: in evaluation mode, on ``device``.
        dataset: source of the image.
        image_id: the image.
        spec: the network's input.
        settings: its sliding windows.
        device: device of the network.
        allowed: classes that may appear, ``None`` for all.

    Raises:
        UserError: the image cannot be read.
    """
    image = dataset.read_image(image_id)
    return segment_image(
        network,
        image,
        spec=spec,
        window=settings.window,
        overlap=settings.overlap,
        device=device,
        allowed=allowed,
    )


def segment_image(
    network: nn.Module,
    image: Image,
    *,
    spec: InputSpec,
    window: int,
    overlap: float,
    device: torch.device,
    allowed: Sequence[int] | None = None,
) -> Mask:
    """A segmenter's mask ``[H, W]`` of an image ``[bands, H, W]`` in the units of its dataset.

    It is `IGNORE_INDEX` where the image holds no data.

    The other arguments are those of `predict_mask` and `wsss.models.segmenter.predict`.
    """
    size = (image.shape[-2], image.shape[-1])
    prepared = prepare(image, spec).to(device)
    sides = (window, window)
    if spec.fit == "keep":  # other networks need squares, and have learned from padded images
        sides = (min(window, prepared.shape[-2]), min(window, prepared.shape[-1]))
    mask = predict(network, prepared, window=sides, overlap=overlap, size=size, allowed=allowed)
    found = np.asarray(mask.cpu().numpy(), dtype=np.uint8)
    found[~valid_pixels(image)] = IGNORE_INDEX
    return found

"""Masks for another round of ``segment``: a segmenter's predictions within the image labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from wsss.data.base import Dataset
from wsss.data.files.mask_writer import mask_suffix, write_mask
from wsss.data.types import DatasetInfo, Mask, Split
from wsss.models.input_spec import InputSpec
from wsss.models.segmenter_config import SegmenterConfig
from wsss.progress import track
from wsss.pseudo_masks.files import kept_mask, read_pseudo_mask
from wsss.training.predict import predict_mask

_TRAINED_ON: tuple[Split, ...] = ("train", "val")


def relabel(
    network: nn.Module,
    spec: InputSpec,
    *,
    settings: SegmenterConfig,
    dataset: Dataset,
    device: torch.device,
    directory: Path,
) -> dict[Split, Callable[[str], Mask]]:
    """Write a segmenter's masks of the training and validation images below ``directory``.

    Every pixel takes the class with the highest score among `allowed_classes`. Existing masks are
    kept.

    Returns:
        for each split a function from image id to mask ``[H, W]``.
    """
    network.to(device)
    for split in _TRAINED_ON:
        ids, labels = dataset.ids(split), dataset.labels(split)
        for image_id, row in track(zip(ids, labels, strict=True), split, len(ids)):
            place = dataset.georeference(image_id)
            path = directory / split / f"{image_id}{mask_suffix(place)}"
            if kept_mask(path, dataset.size(image_id)) is not None:
                continue
            allowed = allowed_classes(dataset.info, row)
            mask = predict_mask(
                network,
                dataset,
                image_id,
                spec=spec,
                settings=settings,
                device=device,
                allowed=allowed,
            )
            write_mask(path, mask, dataset.info, place)
    return {split: partial(read_pseudo_mask, directory, split) for split in _TRAINED_ON}


def allowed_classes(info: DatasetInfo, labels: NDArray[np.float32]) -> Sequence[int]:
    """The classes that an image with these labels ``[image classes]`` may show, in order.

    Those it is labelled with, and the background where the dataset has one.
    """
    allowed = {info.image_classes[index] for index in np.flatnonzero(labels)}
    if info.background is not None:
        allowed.add(info.background)
    return sorted(allowed)

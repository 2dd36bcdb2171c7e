"""Images as maps are taken of them: standardised, in batches of one size, read ahead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from wsss.data.base import Dataset
from wsss.data.fit import fitted_size, own_size, resize
from wsss.maps.config import AttentionConfig
from wsss.models.input_spec import InputSpec, standardise

Draw = tuple[int, str]
"""Shard and id of an image."""


class Views(NamedTuple):
    """A batch."""

    shard: int
    ids: list[str]
    images: Tensor
    """``[B, bands, h, w]``, standardised."""


def read_views(
    dataset: Dataset,
    shards: Mapping[int, Sequence[str]],
    spec: InputSpec,
    attention: AttentionConfig,
    *,
    workers: int,
) -> Iterator[Views]:
    """The images of shards, one shard after another; no batch has images of two.

    ``workers`` processes read ahead, two batches each; with 0 none does.
    """
    loader = DataLoader(
        _Images(dataset, spec, attention),
        batch_sampler=_batches(dataset, shards, spec, attention),
        num_workers=workers,
        collate_fn=_together,
        pin_memory=torch.cuda.is_available(),
    )
    return iter(loader)


class _Images(TorchDataset[tuple[Draw, Tensor]]):
    def __init__(self, dataset: Dataset, spec: InputSpec, attention: AttentionConfig) -> None:
        self._dataset, self._spec, self._attention = dataset, spec, attention

    def __getitem__(self, draw: Draw) -> tuple[Draw, Tensor]:
        image = standardise(self._dataset.read_image(draw[1]), self._spec)
        size = _view_size((image.shape[-2], image.shape[-1]), self._spec, self._attention)
        return draw, resize(image, size)


def _batches(
    dataset: Dataset,
    shards: Mapping[int, Sequence[str]],
    spec: InputSpec,
    attention: AttentionConfig,
) -> Iterator[list[Draw]]:
    for shard, ids in shards.items():
        alike: dict[tuple[int, int], list[Draw]] = {}
        for image_id in ids:
            size = _view_size(dataset.size(image_id), spec, attention)
            alike.setdefault(size, []).append((shard, image_id))
        for members in alike.values():
            for start in range(0, len(members), attention.batch_size):
                yield members[start : start + attention.batch_size]


def _together(items: Sequence[tuple[Draw, Tensor]]) -> Views:
    (shard, _), _ = items[0]
    return Views(shard, [draw[1] for draw, _ in items], torch.stack([view for _, view in items]))


def _view_size(
    size: tuple[int, int], spec: InputSpec, attention: AttentionConfig
) -> tuple[int, int]:
    """Height and width at which maps of an image of ``size`` are taken, before ``scales``."""
    if attention.max_side is None:
        return fitted_size(size, spec.image_size, spec.fit)
    return own_size(size, attention.max_side)

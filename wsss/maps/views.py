"""Images that maps are made from: standardised, in batches of one size, read ahead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from wsss.data.base import Dataset
from wsss.data.fit import own_size
from wsss.maps.config import AttentionConfig
from wsss.models.input_spec import InputSpec, input_size, prepare


class ShardImage(NamedTuple):
    """An image and the shard that its maps are written to."""

    shard: int
    image_id: str


class Views(NamedTuple):
    """A batch of images of one shard and one size."""

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
    """Batches of the images of shards, one shard after another.

    Args:
        dataset: where images are read from.
        shards: image ids by shard.
        spec: the classifier's input.
        attention: size of images and of batches.
        workers: processes that read ahead, two batches each; 0 reads in this process.
    """
    loader = DataLoader(
        _Images(dataset, spec, attention),
        batch_sampler=_batches(dataset, shards, spec, attention),
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=torch.cuda.is_available(),
    )
    return iter(loader)


class _Images(TorchDataset[tuple[ShardImage, Tensor]]):
    def __init__(self, dataset: Dataset, spec: InputSpec, attention: AttentionConfig) -> None:
        self._dataset, self._spec, self._attention = dataset, spec, attention

    def __getitem__(self, key: ShardImage) -> tuple[ShardImage, Tensor]:
        image = self._dataset.read_image(key.image_id)
        size = _view_size((image.shape[-2], image.shape[-1]), self._spec, self._attention)
        return key, prepare(image, self._spec, size)


def _batches(
    dataset: Dataset,
    shards: Mapping[int, Sequence[str]],
    spec: InputSpec,
    attention: AttentionConfig,
) -> Iterator[list[ShardImage]]:
    for shard, ids in shards.items():
        by_size: dict[tuple[int, int], list[ShardImage]] = {}
        for image_id in ids:
            size = _view_size(dataset.size(image_id), spec, attention)
            by_size.setdefault(size, []).append(ShardImage(shard, image_id))
        for members in by_size.values():
            for start in range(0, len(members), attention.batch_size):
                yield members[start : start + attention.batch_size]


def _collate(items: Sequence[tuple[ShardImage, Tensor]]) -> Views:
    keys, images = zip(*items, strict=True)
    return Views(keys[0].shard, [key.image_id for key in keys], torch.stack(images))


def _view_size(
    size: tuple[int, int], spec: InputSpec, attention: AttentionConfig
) -> tuple[int, int]:
    """Height and width to which an image of ``size`` is resized, before ``scales``."""
    if attention.max_side is None:
        return input_size(size, spec)
    return own_size(size, attention.max_side)

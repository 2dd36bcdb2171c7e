"""Samples for training: read, resize, standardise, augment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from wsss.data.augment import AugmentConfig, augment
from wsss.data.base import Dataset
from wsss.data.fit import pad, pad_mask, resize_mask
from wsss.data.types import Mask, Split
from wsss.models.input_spec import InputSpec, prepare
from wsss.randomness import derive_seed, keyed_generator
from wsss.training.batches import EpochSampler, RankBatches, SampleKey
from wsss.training.world import ALONE, World

Batch = dict[str, Tensor]


class TrainingSamples(TorchDataset[Batch]):
    """Images of a split with image labels and, if ``read_mask`` is given, pixel labels.

    Items are indexed by (epoch, index), so that augmentation needs no state.

    Args:
        dataset: source of the images.
        split: split of the dataset.
        spec: the network's input.
        augmentation: random changes of images; ``None`` for none.
        seed: seed of the experiment.
        window: side in pixels of the random square that is cut out; ``None`` for whole images.
        read_mask: gives the pixel labels ``[H, W]`` of an image id: a pseudo-mask, or the true
            mask, which only the fully supervised ceiling may see.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        spec: InputSpec,
        *,
        augmentation: AugmentConfig | None,
        seed: int,
        window: int | None = None,
        read_mask: Callable[[str], Mask] | None = None,
    ) -> None:
        self._window = window
        self._dataset, self._ids, self._spec = dataset, dataset.ids(split), spec
        self._labels = torch.from_numpy(dataset.labels(split))
        self._augmentation, self._seed, self._read_mask = augmentation, seed, read_mask

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, key: SampleKey) -> Batch:
        epoch, index = key
        image = prepare(self._dataset.read_image(self._ids[index]), self._spec)
        mask = self._mask(index, image)
        if self._augmentation is not None:
            seed = derive_seed(self._seed, "augment", epoch, index)
            image, mask = augment(image, mask, self._augmentation, seed)
        side = self._spec.image_size
        image, mask = pad(image, side), None if mask is None else pad_mask(mask, side)
        if self._window is not None and self._window < side:
            top, left = self._corner(epoch, index)
            inside = (..., slice(top, top + self._window), slice(left, left + self._window))
            image, mask = image[inside], None if mask is None else mask[inside]
        sample = {"image": image, "labels": self._labels[index]}
        return sample if mask is None else sample | {"mask": mask.long()}

    def _corner(self, epoch: int, index: int) -> list[int]:
        generator = keyed_generator(self._seed, "window", epoch, index)
        room = self._spec.image_size - (self._window or 0)
        corner: list[int] = torch.randint(room + 1, (2,), generator=generator).tolist()
        return corner

    def _mask(self, index: int, image: Tensor) -> Tensor | None:
        if self._read_mask is None:
            return None
        mask = torch.from_numpy(np.ascontiguousarray(self._read_mask(self._ids[index])))
        return resize_mask(mask, (image.shape[-2], image.shape[-1]))


class Samples(Protocol):
    """A dataset of batches' rows, indexed by (epoch, index)."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: SampleKey, /) -> Batch: ...


def build_loader(
    samples: Samples,
    *,
    batch_size: int,
    seed: int,
    shuffle: bool,
    num_workers: int,
    world: World = ALONE,
) -> DataLoader[Batch]:
    """A loader whose batches depend on seed and epoch only, not on the number of workers.

    The last, smaller batch is kept, since it is a large part of a small dataset. Every process of
    ``world`` loads its share of each batch of ``batch_size`` images.
    """
    return DataLoader(
        samples,  # type: ignore[arg-type]  # torch's Dataset promises no length
        batch_sampler=RankBatches(EpochSampler(samples, seed, shuffle), batch_size, world),
        num_workers=num_workers,
        persistent_workers=num_workers > 0,  # workers keep the images that they have decoded
        pin_memory=torch.cuda.is_available(),
    )


def batches_of(loader: DataLoader[Batch]) -> RankBatches:
    """The batches of a loader from `build_loader`."""
    assert isinstance(loader.batch_sampler, RankBatches)
    return loader.batch_sampler

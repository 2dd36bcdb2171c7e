"""Samples for training: read, resize, standardise, augment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler
from torch.utils.data import Dataset as TorchDataset

from wsss.data.augment import AugmentConfig, augment
from wsss.data.base import Dataset
from wsss.data.fit import fitted_size, pad, pad_mask, resize, resize_mask
from wsss.data.types import Image, Mask, Split
from wsss.models.checkpoint import InputSpec
from wsss.randomness import derive_seed, keyed_generator

Batch = dict[str, Tensor]
Draw = tuple[int, int]
"""Epoch and index of a sample: all that its augmentation may depend on."""


def standardise(image: Image, spec: InputSpec) -> Tensor:
    """``[bands, H, W]`` with zero mean and unit variance per band over the training split."""
    mean = torch.tensor(spec.mean).view(-1, 1, 1)
    std = torch.tensor(spec.std).view(-1, 1, 1)
    return (torch.from_numpy(image) - mean) / std


def prepare(image: Image, spec: InputSpec) -> Tensor:
    """Standardised and fitted: ``[bands, h, w]``, the longer side as the network's square."""
    size = (image.shape[-2], image.shape[-1])
    return resize(standardise(image, spec), fitted_size(size, spec.image_size, spec.fit))


class TrainingSamples(TorchDataset[Batch]):
    """Images of a split with image labels, and with pixel labels where a reader is given.

    Items are asked for by (epoch, index), so that augmentation needs no state.

    Args:
        dataset: where images come from.
        split: which of them.
        spec: the network's input.
        augmentation: ``None`` to leave images as they are.
        seed: the experiment's.
        window: side of the random square that is cut out, ``None`` for whole images.
        read_mask: gives the pixel labels ``[H, W]`` of an image id: a pseudo-mask, or, for the
            fully supervised ceiling alone, the true one.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: Split,
        spec: InputSpec,
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

    def __getitem__(self, draw: Draw) -> Batch:
        epoch, index = draw
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


class EpochSampler(Sampler[Draw]):
    """Order of samples, drawn anew for each epoch from (seed, epoch) alone."""

    def __init__(self, samples: Sized, seed: int, shuffle: bool) -> None:
        self._count, self._seed, self._shuffle = len(samples), seed, shuffle
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Name the epoch to draw next.

        Lightning does so before every epoch, but after workers have begun to fetch for the first;
        a resumed run must therefore name its first epoch itself.
        """
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Draw]:
        order: Sequence[int] = range(self._count)
        if self._shuffle:
            generator = keyed_generator(self._seed, "order", self._epoch)
            order = torch.randperm(self._count, generator=generator).tolist()
        return iter([(self._epoch, index) for index in order])


def build_loader(
    samples: TrainingSamples, *, batch_size: int, seed: int, shuffle: bool, num_workers: int
) -> DataLoader[Batch]:
    """A loader whose batches depend on seed and epoch only, not on the number of workers.

    The last, smaller batch is kept: with few images it is a large part of them.
    """
    return DataLoader(
        samples,
        batch_size=batch_size,
        sampler=EpochSampler(samples, seed, shuffle),
        num_workers=num_workers,
        persistent_workers=num_workers > 0,  # what they have decoded stays with them
        pin_memory=torch.cuda.is_available(),
    )

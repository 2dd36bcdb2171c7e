"""The samples of a batch, and each process's share of them if several train together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from typing import NamedTuple

import torch
from torch.utils.data import Sampler

from wsss.randomness import keyed_generator
from wsss.training.world import World

SampleKey = tuple[int, int]
"""Epoch and index of a sample; its augmentation depends only on these and the seed."""


class EpochSampler(Sampler[SampleKey]):
    """Order of samples, drawn for each epoch from (seed, epoch) alone."""

    def __init__(self, samples: Sized, seed: int, shuffle: bool) -> None:
        self._count, self._seed, self._shuffle = len(samples), seed, shuffle
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch to draw next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SampleKey]:
        order: Sequence[int] = range(self._count)
        if self._shuffle:
            generator = keyed_generator(self._seed, "order", self._epoch)
            order = torch.randperm(self._count, generator=generator).tolist()
        return iter([(self._epoch, index) for index in order])


class Share(NamedTuple):
    """The rows of a batch that one process loads."""

    first: int
    """Index of the first row."""
    images: int
    """Number of rows that count; if it is 0, the process loads one row that does not count."""
    batch: int
    """Number of rows of the whole batch."""
    weight: float
    """Factor on the mean loss, so that the mean over processes is that of the whole batch."""

    @classmethod
    def whole(cls, images: int) -> Share:
        """The share of a process that trains alone."""
        return cls(0, images, images, 1.0)


class RankBatches(Sampler[list[SampleKey]]):
    """The batches of one process: consecutive rows of each batch of the whole world.

    All processes together load the batches that a single process would load.

    Args:
        sampler: order of all samples; Lightning sets the epoch through the attribute of this name.
        batch_size: number of rows of a batch over all processes.
        world: the processes, and the index of this one.
    """

    def __init__(self, sampler: EpochSampler, batch_size: int, world: World) -> None:
        self.sampler, self._batch_size, self._world = sampler, batch_size, world
        self._done = 0

    def __len__(self) -> int:
        return -(-len(self.sampler) // self._batch_size)

    def __iter__(self) -> Iterator[list[SampleKey]]:
        order, done = list(self.sampler), self._done
        self._done = 0
        for number in range(done, len(self)):
            share = self.share(number)
            start = number * self._batch_size + share.first
            yield order[start : start + max(share.images, 1)]

    def resume(self, epoch: int, done: int) -> None:
        """Start within an epoch: set the epoch to draw next and the number of its batches to skip.

        Lightning sets epochs itself, but only after the workers have begun to load the first; and
        it restores the number of finished batches, but does not skip them.
        """
        self.sampler.set_epoch(epoch)
        self._done = done

    def share(self, number: int) -> Share:
        """The share of this process in batch ``number`` of an epoch."""
        rows = min(self._batch_size, len(self.sampler) - number * self._batch_size)
        rank, size = self._world.rank, self._world.size
        first, stop = rank * rows // size, (rank + 1) * rows // size
        weight = (stop - first) * size / rows
        return Share(min(first, rows - 1), stop - first, rows, weight)


def share_of(batches: RankBatches | None, number: int, images: int) -> Share:
    """The share of this process in batch ``number``; all ``images`` for ``batches=None``."""
    return Share.whole(images) if batches is None else batches.share(number)

"""Which samples make up a batch, and which of them a process takes that trains with others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from typing import NamedTuple

import torch
from torch.utils.data import Sampler

from wsss.randomness import keyed_generator
from wsss.training.world import World

Draw = tuple[int, int]
"""Epoch and index of a sample: all that its augmentation may depend on."""


class EpochSampler(Sampler[Draw]):
    """Order of samples, drawn anew for each epoch from (seed, epoch) alone."""

    def __init__(self, samples: Sized, seed: int, shuffle: bool) -> None:
        self._count, self._seed, self._shuffle = len(samples), seed, shuffle
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Name the epoch to draw next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Draw]:
        order: Sequence[int] = range(self._count)
        if self._shuffle:
            generator = keyed_generator(self._seed, "order", self._epoch)
            order = torch.randperm(self._count, generator=generator).tolist()
        return iter([(self._epoch, index) for index in order])


class Share(NamedTuple):
    """The rows of a batch that one process takes."""

    first: int
    images: int
    """How many are its own; where there are fewer than processes, some load one for nothing."""
    batch: int
    """Rows of the whole batch."""
    weight: float
    """Factor on its mean loss, so that the mean over processes is that of the whole batch."""

    @classmethod
    def whole(cls, images: int) -> Share:
        """That of a process which trains alone."""
        return cls(0, images, images, 1.0)


class RankBatches(Sampler[list[Draw]]):
    """The batches of one process: of each batch of the whole world, a run of neighbouring rows.

    Together all processes see the batches that one alone would see.

    Args:
        sampler: order of all samples; its name is the one by which Lightning names epochs to it.
        batch_size: of the whole world.
        world: the processes, and which of them this is.
    """

    def __init__(self, sampler: EpochSampler, batch_size: int, world: World) -> None:
        self.sampler, self._batch_size, self._world = sampler, batch_size, world
        self._done = 0

    def __len__(self) -> int:
        return -(-len(self.sampler) // self._batch_size)

    def __iter__(self) -> Iterator[list[Draw]]:
        order, done = list(self.sampler), self._done
        self._done = 0
        for number in range(done, len(self)):
            share = self.share(number)
            start = number * self._batch_size + share.first
            yield order[start : start + max(share.images, 1)]

    def go_on(self, epoch: int, done: int) -> None:
        """Name the epoch to draw next, and how many of its batches are done already.

        Lightning names epochs itself, but to workers that have begun to fetch for the first; and
        of the batches that are done it knows, but not how to pass over them.
        """
        self.sampler.set_epoch(epoch)
        self._done = done

    def share(self, number: int) -> Share:
        """What this process takes of batch ``number`` of an epoch."""
        rows = min(self._batch_size, len(self.sampler) - number * self._batch_size)
        rank, size = self._world.rank, self._world.size
        first, stop = rank * rows // size, (rank + 1) * rows // size
        weight = (stop - first) * size / rows
        return Share(min(first, rows - 1), stop - first, rows, weight)


def share_of(batches: RankBatches | None, number: int, images: int) -> Share:
    """The share of a batch that a process has loaded; all of its ``images`` where it is alone."""
    return Share.whole(images) if batches is None else batches.share(number)

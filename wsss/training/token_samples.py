"""Samples of patch tokens that a frozen encoder has computed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from wsss.data.fit import fill, resize_mask
from wsss.data.types import IGNORE_INDEX
from wsss.models.encoder_segmenter import CELLS
from wsss.randomness import derive_seed
from wsss.training.batches import SampleKey
from wsss.training.samples import Batch
from wsss.training.stored_tokens import StoredTokens


class TokenSamples(TorchDataset[Batch]):
    """One view of each image, drawn anew in every epoch; NaN where an image has no patch.

    Args:
        tokens: tokens of the images; a second view is that of the mirrored image.
        labels: image labels ``[images, C]``.
        seed: seed of the experiment.
        read_mask: gives the pixel labels ``[H, W]`` of what was encoded, by index; ``None`` for
            samples without. A sample has `CELLS` of them per side of a patch.
    """

    def __init__(
        self,
        tokens: StoredTokens,
        labels: Tensor,
        seed: int,
        read_mask: Callable[[int], Tensor] | None = None,
    ) -> None:
        self._tokens, self._labels, self._seed = tokens, labels, seed
        self._read_mask = read_mask

    def __len__(self) -> int:
        return len(self._tokens)

    def __getitem__(self, key: SampleKey) -> Batch:
        epoch, index = key
        view = derive_seed(self._seed, "view", epoch, index) % self._tokens.views
        tokens = self._tokens.read(index, view)
        height, width = self._tokens.grid
        sample = {
            "image": fill(tokens, (height, width), torch.nan),
            "labels": self._labels[index],
        }
        if self._read_mask is None:
            return sample
        rows, columns = tokens.shape[-2:]
        mask = resize_mask(self._read_mask(index), (CELLS * rows, CELLS * columns))
        mask = fill(mask.flip(-1) if view else mask, (CELLS * height, CELLS * width), IGNORE_INDEX)
        return sample | {"mask": mask.long()}

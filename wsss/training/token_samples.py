"""Samples of patch tokens that a frozen encoder has computed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from wsss.data.fit import fill
from wsss.randomness import derive_seed
from wsss.training.batches import SampleKey
from wsss.training.samples import Batch
from wsss.training.stored_tokens import StoredTokens


class TokenSamples(TorchDataset[Batch]):
    """One view of each image, drawn anew in every epoch; NaN where an image has no patch.

    Args:
        tokens: tokens of the images.
        labels: image labels ``[images, C]``.
        seed: seed of the experiment.
    """

    def __init__(self, tokens: StoredTokens, labels: Tensor, seed: int) -> None:
        self._tokens, self._labels, self._seed = tokens, labels, seed

    def __len__(self) -> int:
        return len(self._tokens)

    def __getitem__(self, key: SampleKey) -> Batch:
        epoch, index = key
        view = derive_seed(self._seed, "view", epoch, index) % self._tokens.views
        tokens = fill(self._tokens.read(index, view), self._tokens.grid, torch.nan)
        return {"image": tokens, "labels": self._labels[index]}

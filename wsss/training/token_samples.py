"""Samples of patch tokens that a frozen encoder has computed."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from wsss.randomness import derive_seed
from wsss.training.batches import SampleKey
from wsss.training.samples import Batch


class TokenSamples(TorchDataset[Batch]):
    """One view of each image, drawn anew in every epoch.

    Args:
        tokens: ``[images, views, D, h, w]``, float16.
        labels: image labels ``[images, C]``.
        seed: seed of the experiment.
    """

    def __init__(self, tokens: NDArray[np.float16], labels: Tensor, seed: int) -> None:
        self._tokens, self._labels, self._seed = tokens, labels, seed

    def __len__(self) -> int:
        return len(self._tokens)

    def __getitem__(self, key: SampleKey) -> Batch:
        epoch, index = key
        view = derive_seed(self._seed, "view", epoch, index) % self._tokens.shape[1]
        tokens = torch.from_numpy(self._tokens[index, view].astype(np.float32))
        return {"image": tokens, "labels": self._labels[index]}

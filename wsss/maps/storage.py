"""Class-attention maps on disk: shards of images, read one image at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from wsss.atomic import replacing
from wsss.data.types import Split


class ImageMaps(NamedTuple):
    """Class maps and class probabilities of one image."""

    image_id: str
    attention: NDArray[np.float32]
    """``[image classes, h, w]``, at least 0; stored as float16."""
    probabilities: NDArray[np.float32]
    """``[image classes]``, in [0, 1]."""


def shard_path(directory: Path, split: Split, index: int) -> Path:
    """Path of shard ``index`` of a split."""
    return directory / f"{split}_{index:05d}.safetensors"


def write_shard(
    path: Path, ids: Sequence[str], attention: Sequence[Tensor], probabilities: Sequence[Tensor]
) -> None:
    """Write the maps of some images, atomically.

    Args:
        path: see `shard_path`.
        ids: ids of the images.
        attention: ``[image classes, h, w]`` for each image.
        probabilities: ``[image classes]`` for each image.
    """
    tensors: dict[str, Tensor] = {}
    for row, (maps, scores) in enumerate(zip(attention, probabilities, strict=True)):
        tensors[f"attention/{row}"] = maps.to(torch.float16).contiguous()
        tensors[f"probabilities/{row}"] = scores.float().contiguous()
    with replacing(path) as partial:
        save_file(tensors, partial, metadata={"ids": json.dumps(list(ids))})


def is_whole(path: Path, ids: Sequence[str]) -> bool:
    """Whether a shard exists, has the size that its header says, and holds these images."""
    try:
        with safe_open(path, framework="pt") as shard:
            held: bool = json.loads(shard.metadata()["ids"]) == list(ids)
    except (FileNotFoundError, SafetensorError, ValueError, KeyError, TypeError):
        return False
    return held


class StoredMaps:
    """Maps of the images of a split, in order; read one image at a time.

    Args:
        directory: artifact of stage ``extract``.
        split: which images.
        wanted: whether to include a shard, given its index.
    """

    def __init__(
        self, directory: Path, split: Split, wanted: Callable[[int], bool] = lambda index: True
    ) -> None:
        self._places: list[tuple[Path, int, str]] = []
        for index, path in enumerate(sorted(directory.glob(f"{split}_*.safetensors"))):
            if wanted(index):
                with safe_open(path, framework="pt") as shard:
                    ids = json.loads(shard.metadata()["ids"])
                self._places += [(path, row, image_id) for row, image_id in enumerate(ids)]

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[ImageMaps]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, number: int) -> ImageMaps:
        path, row, image_id = self._places[number]
        with safe_open(path, framework="pt") as shard:
            return ImageMaps(
                image_id,
                shard.get_tensor(f"attention/{row}").float().numpy(),
                shard.get_tensor(f"probabilities/{row}").numpy(),
            )

"""Patch tokens of images on disk, in shards that are mapped into memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from wsss.atomic import replacing
from wsss.data.fit import fill
from wsss.digests import file_digest, file_digests


def write_tokens(path: Path, tokens: Sequence[Tensor]) -> None:
    """Write the tokens ``[views, D, h, w]`` of some images as float16, and their digest beside."""
    halves = {str(row): t.to(torch.float16).contiguous() for row, t in enumerate(tokens)}
    with replacing(path) as partial:
        save_file(halves, partial)
        digest = file_digest(partial)
    with replacing(path.with_suffix(".json")) as partial:
        partial.write_text(json.dumps({"sha256": digest}))


def is_intact(path: Path, memory: Path) -> bool:
    """Whether a shard is what `write_tokens` wrote; ``memory`` is that of `file_digests`."""
    try:
        stated = json.loads(path.with_suffix(".json").read_text("utf-8"))
        return [stated["sha256"]] == file_digests([path], memory)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


class StoredTokens:
    """Tokens of images, in order; float32 when read.

    Args:
        shards: files of `write_tokens`.
    """

    def __init__(self, shards: Sequence[Path]) -> None:
        self._places: list[tuple[Any, str]] = []
        self._grids: list[tuple[int, int]] = []
        for path in shards:
            shard: Any = safe_open(path, framework="pt")
            for row in range(len(shard.keys())):
                self._places.append((shard, str(row)))
                self.views, self.dim, height, width = shard.get_slice(str(row)).get_shape()
                self._grids.append((height, width))

    def __len__(self) -> int:
        return len(self._places)

    @property
    def grid(self) -> tuple[int, int]:
        """The most rows and the most columns of patches that an image has."""
        heights, widths = zip(*self._grids, strict=True)
        return max(heights), max(widths)

    def read(self, index: int, view: int = 0) -> Tensor:
        """``[D, h, w]`` of an image."""
        shard, row = self._places[index]
        tokens: Tensor = shard.get_slice(row)[view]
        return tokens.float()

    def batch(self, indices: Sequence[int]) -> Tensor:
        """The first view of images, ``[B, D, h, w]``; NaN where an image has no patch."""
        return stack([self.read(index) for index in indices])


def stack(images: Sequence[Tensor], value: float = torch.nan) -> Tensor:
    """``[..., h, w]`` of several sizes, filled with ``value`` at right and bottom, and stacked."""
    height, width = (max(image.shape[side] for image in images) for side in (-2, -1))
    return torch.stack([fill(image, (height, width), value) for image in images])

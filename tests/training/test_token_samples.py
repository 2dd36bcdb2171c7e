"""Samples of stored tokens with pixel labels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from wsss.data.types import IGNORE_INDEX
from wsss.models.encoder_segmenter import CELLS
from wsss.training.stored_tokens import StoredTokens, write_tokens
from wsss.training.token_samples import TokenSamples

GRIDS = [(2, 3), (3, 2)]


@pytest.fixture
def tokens(tmp_path: Path) -> StoredTokens:
    """Two images of different shape, each with its mirror image; a token is its column's number."""

    def columns(height: int, width: int) -> Tensor:
        plain = torch.arange(width).float().expand(1, height, width)
        return torch.stack([plain, plain.flip(-1)])

    write_tokens(tmp_path / "tokens.safetensors", [columns(*grid) for grid in GRIDS])
    return StoredTokens([tmp_path / "tokens.safetensors"])


def test_labels_lie_on_their_tokens_in_every_view(tokens: StoredTokens) -> None:
    def read_mask(index: int) -> Tensor:  # of 10 pixels per patch; a pixel is its patch's column
        height, width = GRIDS[index]
        return torch.arange(width).repeat_interleave(10).expand(10 * height, -1).byte()

    samples = TokenSamples(tokens, torch.ones(2, 1), seed=0, read_mask=read_mask)
    mirrored = set()
    for epoch in range(8):
        for index, (height, width) in enumerate(GRIDS):
            sample = samples[epoch, index]
            image, mask = sample["image"], sample["mask"]
            assert image.shape == (1, 3, 3) and mask.shape == (3 * CELLS, 3 * CELLS)
            inside = mask[: height * CELLS, : width * CELLS]
            upsampled = image[0, :height, :width].repeat_interleave(CELLS, 0)
            assert torch.equal(upsampled.repeat_interleave(CELLS, 1), inside.float())
            assert (mask != IGNORE_INDEX).sum() == inside.numel()
            mirrored.add(bool(image[0, 0, 0] > 0))
    assert mirrored == {False, True}

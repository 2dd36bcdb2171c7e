"""Maps spread along the attention between patches, against whole matrices."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.small_vit import SquaresSeen, build, images
from torch import Tensor

from wsss.maps import affinity
from wsss.maps.affinity import spread
from wsss.models import ClassTokenViT
from wsss.models.block import Block
from wsss.models.trace import block_inputs


def traced(model: ClassTokenViT, x: Tensor) -> list[Tensor]:
    with block_inputs(model) as inputs:
        model(x)
    return inputs


def explicit(model: ClassTokenViT, inputs: list[Tensor], maps: Tensor) -> Tensor:
    patches = slice(
        model.num_class_tokens, model.num_class_tokens + maps.shape[-1] * maps.shape[-2]
    )
    matrices = []
    for block, tokens in zip(model.blocks, inputs, strict=True):
        assert isinstance(block, Block)
        if block.attn.num_heads:
            rows = block.attn.head_rows(block.norm1(tokens), tokens.shape[1]).mean(dim=1)
            matrices.append(rows[:, patches, patches])
    matrix = torch.stack(matrices).mean(dim=0)
    return torch.einsum("bij,bcj->bci", matrix, maps.flatten(2)).view_as(maps)


@torch.no_grad()
@pytest.mark.parametrize("piece", [1, 500, 1 << 22])
@pytest.mark.parametrize(
    "changes", [{}, dict(register_token=False), dict(num_heads=[4, 0, 1], head_dim=6)]
)
def test_equals_whole_matrices(
    piece: int, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(affinity, "MAX_ATTENTION_WEIGHTS", piece)
    model, x = build(**changes), images(2, 3, 12, 20)
    inputs, maps = traced(model, x), images(2, 4, 3, 5).abs()
    torch.testing.assert_close(spread(model, inputs, maps), explicit(model, inputs, maps))


@torch.no_grad()
def test_nothing_of_tokens_by_tokens_is_ever_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affinity, "MAX_ATTENTION_WEIGHTS", 4096)
    model, x = build(), images(1, 3, 128, 128)
    inputs, maps = traced(model, x), images(1, 5, 32, 32)
    with SquaresSeen(tokens=1000) as watch:
        spread(model, inputs, maps)
    assert watch.found == []

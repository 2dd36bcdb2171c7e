"""Blocks that are recomputed or compiled in training."""

from __future__ import annotations

import shutil

import pytest
import torch
from helpers import small_vit
from torch import Tensor

from wsss.models import ClassTokenViT
from wsss.models.block_runner import block_runner
from wsss.models.hidden import HiddenTokens


def gradients(model: ClassTokenViT) -> list[Tensor]:
    """Of a loss on scores and maps, under gates and masking in attention."""
    model.zero_grad()
    keep = torch.ones(2, 5)
    keep[0, 1] = 0
    gates = torch.linspace(0.1, 1, 12).view(3, 4)
    scores, maps = model.train()(
        small_vit.images(2, 3, 16, 16),
        return_attention=True,
        hidden=HiddenTokens(keep, "attention"),
        gates=gates,
    )
    (scores.square().sum() + maps.square().sum()).backward()
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


def test_recomputed_blocks_give_the_same_bits_from_their_inputs_alone() -> None:
    model = small_vit.build(patch_head="average")
    plain = gradients(model)
    ran: list[int] = []
    for block in model.blocks:
        block.register_forward_pre_hook(lambda *_: ran.append(1))

    model.train_block = block_runner(compiled=False, recompute=True)
    again = gradients(model)

    assert len(ran) == 2 * len(model.blocks)
    assert all(torch.equal(a, b) for a, b in zip(plain, again, strict=True))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("recompute", [False, True])
def test_compiled_blocks_give_the_same_gradients(recompute: bool) -> None:
    model = small_vit.build(patch_head="average", depth=3)
    plain = gradients(model)

    model.train_block = block_runner(compiled=True, recompute=recompute)

    torch.testing.assert_close(gradients(model), plain, rtol=1e-4, atol=1e-4)

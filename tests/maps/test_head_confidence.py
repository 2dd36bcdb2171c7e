"""Confidence of heads against whole attention matrices."""

from __future__ import annotations

import pytest
import torch
from helpers.small_vit import SquaresSeen, build, images
from torch import Tensor

from wsss.maps import head_confidence as module
from wsss.maps.head_confidence import head_confidence
from wsss.models import ClassTokenViT, HeadGates
from wsss.models.block import Block

CLOSED = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]])


def explicit(model: ClassTokenViT, x: Tensor, gates: Tensor | None = None) -> list[list[float]]:
    """From ``T x T`` matrices of all heads, image by image and class by class."""
    inputs: list[Tensor] = []
    hooks = [
        block.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
        for block in model.blocks
    ]
    model(x, gates=gates)
    for hook in hooks:
        hook.remove()
    result = []
    for block, tokens, heads in zip(model.blocks, inputs, model.num_heads, strict=True):
        assert isinstance(block, Block)
        qkv = block.attn.qkv(block.norm1(tokens))
        q, k, _ = qkv.reshape(*qkv.shape[:2], 3, heads, model.architecture.head_dim).permute(
            2, 0, 3, 1, 4
        )
        attention = (q @ k.mT / model.architecture.head_dim**0.5).softmax(dim=-1)
        after = attention.shape[-1] - (model.register_token is not None)
        rows = attention[:, :, : model.num_class_tokens, model.num_class_tokens : after]
        result.append(
            [
                sum(float(r.max()) for r in rows[:, h].flatten(0, 1))
                / (len(x) * model.num_class_tokens)
                for h in range(heads)
            ]
        )
    return result


def assert_close(actual: list[list[float]], expected: list[list[float]]) -> None:
    assert [len(layer) for layer in actual] == [len(layer) for layer in expected]
    for ours, theirs in zip(actual, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("piece", [1, 500, 1 << 22])
@pytest.mark.parametrize(
    "changes",
    [{}, {"class_tokens": "shared"}, {"register_token": False, "qkv_bias": True}],
    ids=["default", "shared token", "no register"],
)
def test_equals_that_of_whole_matrices(
    changes: dict[str, object], piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ATTENTION_WEIGHTS", piece)
    model, x = build(**changes), images(3, 3, 12, 20)
    confidence = head_confidence(model, [x])
    assert_close(confidence, explicit(model, x))
    every = torch.tensor(confidence)
    assert every.shape == (3, 4)
    assert every.min() > 0 and every.max() <= 1
    assert every.std() > 1e-2


@torch.no_grad()
def test_layers_may_differ_in_heads_and_have_none() -> None:
    model, x = build(num_heads=[2, 0, 3], head_dim=6), images(2, 3, 16, 16)
    confidence = head_confidence(model, [x])
    assert [len(layer) for layer in confidence] == [2, 0, 3]
    assert_close(confidence, explicit(model, x))


@torch.no_grad()
def test_uniform_attention_gives_one_over_the_number_of_tokens() -> None:
    model, x = build(), images(2, 3, 16, 16)
    for block in model.blocks:
        assert isinstance(block, Block)
        block.attn.qkv.weight.zero_()
    tokens = model.pos_embed.shape[1]
    assert tokens == 5 + 16 + 1
    assert_close(head_confidence(model, [x]), [[1 / tokens] * 4] * 3)


@torch.no_grad()
def test_one_patch_that_takes_all_gives_one() -> None:
    model, x = build(depth=1), images(2, 3, 16, 16)
    block = model.blocks[0]
    assert isinstance(block, Block)
    block.attn.qkv.weight.mul_(1e4)
    (confidence,) = head_confidence(model, [x])
    assert max(confidence) <= 1
    assert max(confidence) > 0.5


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_size_of_batches_does_not_matter(size: int) -> None:
    model, x = build(), images(7, 3, 16, 16)
    assert_close(head_confidence(model, torch.split(x, size)), head_confidence(model, [x]))


@torch.no_grad()
def test_gates_of_the_model_are_applied_and_closed_heads_counted() -> None:
    model, x = build(), images(2, 3, 16, 16)
    free = head_confidence(model, [x])
    model.gates = HeadGates(3, 4)
    model.gates.log_a.copy_((CLOSED - 0.5) * 8)
    gated = head_confidence(model, [x])
    assert_close(gated, explicit(model, x, CLOSED))
    assert gated[0] == free[0]
    assert gated[1] != free[1]


def test_no_tensor_of_tokens_by_tokens_and_no_hook_is_left() -> None:
    model = build(image_size=48)
    with SquaresSeen(12 * 12) as watch:
        head_confidence(model, [images(2, 3, 48, 48)])
    assert not watch.found
    assert all(not block._forward_pre_hooks for block in model.blocks)


def test_without_images_there_is_no_mean() -> None:
    with pytest.raises(ValueError, match="no images"):
        head_confidence(build(), [])

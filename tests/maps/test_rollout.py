"""Rollout of the class tokens against the product of whole matrices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest
import torch
from helpers.rollout import class_rollout
from helpers.small_vit import build, images
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from wsss.maps import rollout
from wsss.maps.limits import MAX_ATTENTION_WEIGHTS
from wsss.models import ClassTokenViT
from wsss.models.block import Block


def explicit(
    model: ClassTokenViT,
    x: Tensor,
    layers: Collection[int],
    head_weights: Sequence[Tensor] | None = None,
) -> Tensor:
    """Class-to-patch rows of the product of all ``T x T`` matrices, as in the paper."""
    inputs: list[Tensor] = []
    for block in model.blocks:
        block.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    model(x)
    product = torch.eye(inputs[0].shape[1])
    for layer in sorted(layers):
        block, heads = model.blocks[layer], model.num_heads[layer]
        assert isinstance(block, Block)
        qkv = block.attn.qkv(block.norm1(inputs[layer]))
        shape = (*qkv.shape[:2], 3, heads, model.architecture.head_dim)
        q, k, _ = qkv.reshape(shape).permute(2, 0, 3, 1, 4)
        attention = (q @ k.mT / model.architecture.head_dim**0.5).softmax(dim=-1)
        equal = torch.full((heads,), 1 / max(heads, 1))
        weights = equal if head_weights is None else head_weights[layer]
        with_residual = (attention * weights.view(1, -1, 1, 1)).sum(1) + torch.eye(q.shape[2])
        product = with_residual / with_residual.sum(-1, keepdim=True) @ product
    classes, height = model.num_classes, x.shape[-2] // model.patch_size[0]
    rows = product[:, :classes, classes:-1]
    return rows.reshape(len(x), classes, height, -1)


@torch.no_grad()
@pytest.mark.parametrize("piece", [1, 1000, 1 << 22])
@pytest.mark.parametrize("layers", [[0, 1, 2], [2], [0], [0, 2]])
def test_equals_the_product_of_whole_matrices(
    piece: int, layers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout, "MAX_ATTENTION_WEIGHTS", piece)
    model, x = build(), images(2, 3, 12, 20)
    logits, maps = class_rollout(model, x, layers)
    expected = explicit(model, x, layers)
    assert maps.shape == (2, 5, 3, 5)
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-6)
    assert expected.std() > 1e-3
    assert torch.equal(logits, model(x))


@torch.no_grad()
def test_heads_are_weighted_and_layers_without_heads_pass_everything_on() -> None:
    model, x = build(num_heads=[2, 0, 3], head_dim=6), images(2, 3, 16, 16)
    weights = [torch.tensor([0.9, 0.1]), torch.zeros(0), torch.tensor([0.2, 0.5, 0.3])]
    _, maps = class_rollout(model, x, [0, 1, 2], weights)
    torch.testing.assert_close(maps, explicit(model, x, [0, 1, 2], weights), rtol=1e-4, atol=1e-6)
    _, equal = class_rollout(model, x, [0, 1, 2])
    torch.testing.assert_close(equal, explicit(model, x, [0, 1, 2]), rtol=1e-4, atol=1e-6)
    assert not torch.allclose(equal, maps)


@torch.no_grad()
def test_one_layer_is_half_its_attention() -> None:
    model, x = build(depth=1), images(1, 3, 16, 16)
    _, maps = class_rollout(model, x, [0])
    rows = model(x, return_attention=True).class_attention[:, 0]
    torch.testing.assert_close(maps, rows / 2)


def test_the_model_is_left_as_it_was() -> None:
    model, x = build(), images(1, 3, 16, 16)
    class_rollout(model, x, [0, 1, 2])
    with pytest.raises(ValueError, match="image size"):
        class_rollout(model, images(1, 3, 16, 18), [0])
    assert all(not block._forward_pre_hooks for block in model.blocks)


class LargestTensor(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remembers the number of elements of the largest tensor."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for part in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(part, Tensor):
                self.elements = max(self.elements, part.numel())
        return result


def test_no_tensor_of_tokens_by_tokens() -> None:
    """At more than 3,000 tokens, and with room for no more than a part of them at a time."""
    sizes: dict[str, Any] = dict(embed_dim=8, num_heads=2, depth=2, num_classes=2, mlp_ratio=1.0)
    model, x = build(image_size=220, **sizes), images(1, 3, 220, 220)
    tokens = model.pos_embed.shape[1]
    assert tokens == 55 * 55 + 3
    with LargestTensor() as watch:
        _, maps = class_rollout(model, x, [0, 1])
    assert maps.shape == (1, 2, 55, 55)
    assert watch.elements <= MAX_ATTENTION_WEIGHTS < tokens**2 / 2

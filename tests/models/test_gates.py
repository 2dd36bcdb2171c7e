from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from wsss.models import ClassTokenViT, HeadGates
from wsss.models.checkpoint import load_classifier, save_classifier
from wsss.models.input_spec import InputSpec
from wsss.models.pruning import parameter_count, remove_closed_heads

SPEC = InputSpec(["a", "b", "c"], ["x", "y"], [0.0, 0.5], [1.0, 2.0], 16, "resize", True)
SOME = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 1], [1, 1, 1, 1]])
NONE_IN_FIRST = torch.tensor([[0.0, 0, 0, 0], [1, 0, 0, 1], [0, 1, 0, 0]])
NONE_IN_LAST = torch.tensor([[0.0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(qkv_bias: bool) -> ClassTokenViT:
    model = ClassTokenViT(
        image_size=16,
        patch_size=4,
        in_channels=2,
        num_classes=3,
        embed_dim=16,
        depth=3,
        num_heads=4,
        qkv_bias=qkv_bias,
    )
    with torch.no_grad():
        for index, parameter in enumerate(model.parameters()):
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=seeded(index)))
    return model.eval()


def images() -> Tensor:
    return torch.randn(2, 2, 16, 16, generator=seeded(0))


def test_samples_lie_in_0_to_1_and_reach_both_ends() -> None:
    drawn = HeadGates(50, 40, initial_log_a=0.0).sample(seeded(0))
    assert drawn.shape == (50, 40)
    assert drawn.min() == 0 and drawn.max() == 1
    assert ((drawn > 0) & (drawn < 1)).any()


def test_the_generator_alone_decides_the_draw() -> None:
    gates = HeadGates(3, 4)
    first = gates.sample(seeded(1))
    torch.manual_seed(5)
    assert torch.equal(first, gates.sample(seeded(1)))
    assert not torch.equal(HeadGates(9, 9).sample(seeded(1)), HeadGates(9, 9).sample(seeded(2)))


@pytest.mark.parametrize("log_a", [-2.0, -0.5, 0.0, 1.0])
def test_open_probability_is_the_frequency_of_open_gates(log_a: float) -> None:
    gates = HeadGates(100, 200, initial_log_a=log_a)
    expected = float(gates.open_probability().mean().detach())
    frequency = float((gates.sample(seeded(3)) > 0).float().mean())
    sigma = math.sqrt(expected * (1 - expected) / 20_000)
    assert abs(frequency - expected) < 3 * sigma


def test_soft_gates_are_stretched_and_hard_ones_cut_at_one_half() -> None:
    gates = HeadGates(1, 5)
    with torch.no_grad():
        gates.log_a.copy_(torch.tensor([[-20.0, -1e-3, 1e-3, 1.0, 20.0]]))
    assert gates.hard().tolist() == [[0, 0, 1, 1, 1]]
    soft = gates.soft()[0]
    assert soft[0] == 0 and soft[-1] == 1
    assert float(soft[3].detach()) == pytest.approx(1.2 / (1 + math.exp(-1)) - 0.1, abs=1e-6)


def test_the_penalty_is_the_expected_number_of_open_heads() -> None:
    gates = HeadGates(3, 4, initial_log_a=0.7)
    assert gates.penalty().shape == ()
    torch.testing.assert_close(gates.penalty(), gates.open_probability().sum())
    shifted = 0.7 - 0.33 * math.log(0.1 / 1.1)
    assert float(gates.penalty().detach()) == pytest.approx(12 / (1 + math.exp(-shifted)), rel=1e-5)


@pytest.mark.parametrize("keep", [0, 1, 5, 12])
def test_with_keep_that_many_stay_those_with_the_highest_gates(keep: int) -> None:
    gates = HeadGates(3, 4, keep=keep)
    with torch.no_grad():
        gates.log_a.copy_(torch.randn(3, 4, generator=seeded(0)) - 5)  # none is open by itself
    left = gates.hard() == 1
    assert int(left.sum()) == keep
    assert set(gates.hard().flatten().tolist()) <= {0.0, 1.0}
    if 0 < keep < 12:
        assert gates.log_a[left].min() > gates.log_a[~left].max()


def test_with_keep_equal_gates_are_no_tie() -> None:
    gates = HeadGates(2, 4, keep=3)
    assert gates.hard().tolist() == [[1, 1, 1, 0], [0, 0, 0, 0]]


def test_with_keep_only_heads_beyond_it_cost() -> None:
    free, held = HeadGates(3, 4), HeadGates(3, 4, keep=5)
    torch.testing.assert_close(held.penalty(), free.penalty() - 5)
    with torch.no_grad():
        held.log_a.fill_(-1.5)  # 12 heads, each open with probability 0.33
    assert 0 < float(held.open_probability().sum().detach()) < 5
    assert float(held.penalty().detach()) == 0
    torch.autograd.backward(held.penalty())
    assert held.log_a.grad is not None and not held.log_a.grad.any()


@pytest.mark.parametrize("what", ["sample", "penalty"])
def test_gradients_reach_log_a(what: str) -> None:
    gates = HeadGates(4, 8, initial_log_a=0.0)
    drawn = gates.sample(seeded(0))
    torch.autograd.backward(drawn.sum() if what == "sample" else gates.penalty())
    assert gates.log_a.grad is not None
    learning = gates.log_a.grad != 0
    between = (drawn > 0) & (drawn < 1)
    assert torch.equal(learning, between) if what == "sample" else bool(learning.all())


@torch.no_grad()
def test_a_model_with_gates_applies_them_hard() -> None:
    model, x = build(False), images()
    expected = model(x, gates=SOME)
    model.gates = HeadGates(3, 4)
    model.gates.log_a.copy_((SOME - 0.5) * 8)
    assert torch.equal(model(x), expected)
    assert not torch.equal(model(x, gates=torch.ones(3, 4)), expected)


@torch.no_grad()
@pytest.mark.parametrize("qkv_bias", [False, True])
@pytest.mark.parametrize("gates", [SOME, NONE_IN_FIRST, NONE_IN_LAST, torch.zeros(3, 4)])
def test_removing_closed_heads_keeps_the_scores(gates: Tensor, qkv_bias: bool) -> None:
    model, x = build(qkv_bias), images()
    smaller = remove_closed_heads(model, gates)
    torch.testing.assert_close(smaller(x), model(x, gates=gates), rtol=1e-5, atol=1e-5)
    assert smaller.num_heads == tuple(int(row.sum()) for row in gates)
    per_head = 4 * 16 * 4 + (12 if qkv_bias else 0)
    closed = int((gates == 0).sum())
    assert parameter_count(model) - parameter_count(smaller) == closed * per_head
    assert not smaller.training


@torch.no_grad()
def test_removing_closed_heads_leaves_attention_of_the_others() -> None:
    model, x = build(False), images()
    maps = remove_closed_heads(model, NONE_IN_FIRST)(x, return_attention=True).class_attention
    assert maps.shape == (2, 3, 3, 4, 4)
    assert not maps[:, 0].any()
    assert maps[:, 1:].amin() > 0
    every = remove_closed_heads(model, torch.ones(3, 4))(x, return_attention=True)
    torch.testing.assert_close(every, model(x, return_attention=True))


@torch.no_grad()
@pytest.mark.parametrize("qkv_bias", [False, True])
@pytest.mark.parametrize("gates", [SOME, NONE_IN_FIRST, NONE_IN_LAST])
def test_a_pruned_model_survives_a_file(gates: Tensor, qkv_bias: bool, tmp_path: Path) -> None:
    smaller, x = remove_closed_heads(build(qkv_bias), gates), images()
    save_classifier(tmp_path, smaller, SPEC)
    loaded, spec = load_classifier(tmp_path)
    assert spec == SPEC
    assert loaded.num_heads == smaller.num_heads
    before, after = smaller(x, return_attention=True), loaded(x, return_attention=True)
    assert torch.equal(after.logits, before.logits)
    assert torch.equal(after.class_attention, before.class_attention)

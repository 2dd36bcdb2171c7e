"""Running times before and after pruning."""

from __future__ import annotations

import torch
from helpers.small_vit import build, images

from wsss.models import HeadGates
from wsss.models.pruning import remove_closed_heads
from wsss.models.speed import speed_ratio, without_gates


def test_both_classifiers_are_timed_and_left_as_they_were() -> None:
    model, x = build(), images(2, 3, 16, 16)
    smaller = remove_closed_heads(model, torch.tensor([[1.0, 0, 0, 0]] * 3))
    model.gates = HeadGates(3, 4)
    threads = torch.get_num_threads()
    assert speed_ratio(model, smaller, x, rounds=3, attention=True) > 0
    assert model.gates is not None and torch.get_num_threads() == threads


@torch.no_grad()
def test_without_gates_all_heads_are_open() -> None:
    model, x = build(), images(2, 3, 16, 16)
    expected = model(x)
    assert without_gates(model) is model
    model.gates = HeadGates(3, 4)
    model.gates.log_a.fill_(-8.0)  # closed
    torch.testing.assert_close(without_gates(model)(x), expected)

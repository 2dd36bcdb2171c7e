from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
import torch
from helpers.training_modules import classifier_training
from torch import Tensor

from wsss.models import ClassTokenViT, HeadGates
from wsss.models.outputs import Scores
from wsss.training.classifier import ClassifierTraining
from wsss.training.masking import (
    Masking,
    NoMasking,
    RandomMasking,
    ScheduledMasking,
    absent_shares,
    class_rates,
    draw_token_keep,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_labels(images: int = 2000, classes: int = 8) -> Tensor:
    return (torch.rand(images, classes, generator=seeded(9)) < 0.3).float()


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.99, 1.0])
def test_present_classes_are_never_hidden(rate: float) -> None:
    labels = some_labels()
    keep = draw_token_keep(labels, rate, seeded())
    assert keep.shape == labels.shape and keep.dtype == labels.dtype
    assert set(keep.flatten().tolist()) <= {0.0, 1.0}
    assert (keep[labels == 1] == 1).all()


def test_rates_0_and_1_are_exact() -> None:
    labels = some_labels()
    assert (draw_token_keep(labels, 0.0, seeded()) == 1).all()
    assert torch.equal(draw_token_keep(labels, 1.0, seeded()), labels)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_absent_classes_are_hidden_at_the_rate(rate: float) -> None:
    labels = some_labels()
    hidden = draw_token_keep(labels, rate, seeded())[labels == 0] == 0
    sigma = math.sqrt(rate * (1 - rate) / len(hidden))
    assert abs(float(hidden.float().mean()) - rate) < 3 * sigma


def test_the_generator_alone_decides_the_draw() -> None:
    labels = some_labels()
    first = draw_token_keep(labels, 0.5, seeded(1))
    torch.manual_seed(3)
    assert torch.equal(first, draw_token_keep(labels, 0.5, seeded(1)))
    assert not torch.equal(first, draw_token_keep(labels, 0.5, seeded(2)))


def scheduled(dp_rate: float, start_rate: float, ramp: float) -> ScheduledMasking:
    return ScheduledMasking("scheduled", dp_rate, "output", "none", start_rate, ramp)


@pytest.mark.parametrize(
    ("masking", "expected"),
    [
        (NoMasking("none"), [0, 0, 0, 0]),
        (RandomMasking("random", 0.4, "output", "none"), [0.4, 0.4, 0.4, 0.4]),
        (scheduled(0.8, 0.2, 1.0), [0.2, 0.35, 0.5, 0.8]),
        (scheduled(0.8, 0.0, 0.5), [0, 0.4, 0.8, 0.8]),
        (scheduled(0.0, 1.0, 0.5), [1, 0.5, 0, 0]),
    ],
)
def test_rate_over_training(masking: Masking, expected: list[float]) -> None:
    assert [masking.rate(progress) for progress in (0, 0.25, 0.5, 1)] == pytest.approx(expected)


@pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan])
def test_bad_rates_are_named(rate: float) -> None:
    with pytest.raises(ValueError, match=r"masking\.dp_rate is"):
        RandomMasking("random", rate, "output", "none")
    with pytest.raises(ValueError, match=r"masking\.dp_rate is"):
        scheduled(rate, 0.0, 0.5)
    with pytest.raises(ValueError, match=r"masking\.start_rate is"):
        scheduled(0.5, rate, 0.5)


@pytest.mark.parametrize("ramp", [0.0, -1.0, 1.1, math.nan])
def test_bad_ramps_are_named(ramp: float) -> None:
    with pytest.raises(ValueError, match=r"masking\.ramp is"):
        scheduled(0.5, 0.0, ramp)


@pytest.mark.parametrize("kind", ["random", "scheduled"])
def test_unknown_places_and_balances_are_refused_with_what_is_valid(kind: str) -> None:
    def build(place: str, balance: str) -> object:
        if kind == "random":
            return RandomMasking(kind, 0.5, place, balance)
        return ScheduledMasking(kind, 0.5, place, balance, 0.0, 0.5)

    with pytest.raises(ValueError, match=r"masking\.place is .*valid: output, input, attention"):
        build("middle", "none")
    with pytest.raises(ValueError, match=r"masking\.balance is .*valid: none, frequency"):
        build("output", "rarity")


def uneven_labels(images: int = 20_000) -> Tensor:
    """Classes in about 1, 10, 50 and 80 of a hundred images."""
    presence = torch.tensor([0.01, 0.1, 0.5, 0.8])
    return (torch.rand(images, 4, generator=seeded(9)) < presence).float()


def hidden_shares(labels: Tensor, rate: float | Tensor) -> Tensor:
    return 1 - draw_token_keep(labels, rate, seeded()).mean(dim=0)


def test_shares_of_absent_classes_are_counted() -> None:
    labels = torch.tensor([[1.0, 0, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0]])
    assert absent_shares(labels).tolist() == [0, 0.75, 1]


def test_balanced_tokens_are_hidden_equally_often() -> None:
    labels = uneven_labels()
    absent = absent_shares(labels)
    one_rate = hidden_shares(labels, 0.3)
    balanced = hidden_shares(labels, class_rates(0.3, absent))
    assert one_rate.max() > 4 * one_rate.min()
    torch.testing.assert_close(balanced, (0.3 * absent.mean()).expand(4), rtol=0, atol=0.01)
    # As many draws as with one rate hide a token: only their places change.
    assert float(balanced.sum()) == pytest.approx(float(one_rate.sum()), abs=0.02)


def test_a_token_that_cannot_be_hidden_as_often_is_hidden_whenever_it_may() -> None:
    labels = uneven_labels()
    absent = absent_shares(labels)
    rates = class_rates(0.5, absent)
    assert rates[3] == 1 and (rates[:3] < 1).all()
    keep = draw_token_keep(labels, rates, seeded())
    assert torch.equal(keep[:, 3], labels[:, 3])


def test_rates_by_hand() -> None:
    rates = class_rates(0.4, torch.tensor([0.9, 0.6, 0.3, 0.0]))
    assert rates[:3].tolist() == pytest.approx([0.2, 0.3, 0.6])  # the mean is 0.45
    assert 0 <= rates[3] <= 1
    assert class_rates(0.0, torch.tensor([0.5, 0.0])).tolist() == [0, 0]
    assert class_rates(1.0, torch.tensor([0.0, 0.0])).isfinite().all()
    assert class_rates(0.3, torch.full((5,), 0.7)).tolist() == pytest.approx([0.3] * 5)


def test_balance_draws_the_same_numbers() -> None:
    labels = some_labels()
    plain, balanced = seeded(1), seeded(1)
    draw_token_keep(labels, 0.5, plain)
    draw_token_keep(labels, class_rates(0.5, absent_shares(labels)), balanced)
    assert torch.equal(plain.get_state(), balanced.get_state())


class Recorder(ClassTokenViT):
    """Remembers what it was told to hide, and where."""

    def score(self, x: Tensor, **told: Any) -> Scores:
        self.told = told
        return super().score(x, **told)


def recorder() -> Recorder:
    return Recorder(
        image_size=4,
        patch_size=4,
        in_channels=1,
        num_classes=4,
        embed_dim=4,
        depth=1,
        num_heads=2,
    )


def training(masking: Masking, absent: Tensor, gates: bool) -> ClassifierTraining:
    model = recorder()
    if gates:
        model.gates = HeadGates(1, 2)
    return classifier_training(model, masking=masking, absent=absent)


@pytest.mark.filterwarnings("ignore:.*self.trainer.*")
@pytest.mark.parametrize("gates", [False, True])
@pytest.mark.parametrize("place", ["output", "input", "attention"])
def test_training_hides_where_and_as_often_as_the_masking_says(place: str, gates: bool) -> None:
    labels = uneven_labels(4000)
    absent = absent_shares(labels)
    module = training(RandomMasking("random", 0.3, place, "frequency"), absent, gates)
    module.training_step({"image": torch.zeros(4000, 1, 4, 4), "labels": labels}, 0)
    told = module.model.told
    assert isinstance(told, dict) and told["hidden"].place == place
    hidden = 1 - told["hidden"].keep.mean(dim=0)
    torch.testing.assert_close(hidden, (0.3 * absent.mean()).expand(4), rtol=0, atol=0.03)


def test_balance_cannot_lack_the_shares() -> None:
    parameters = inspect.signature(ClassifierTraining).parameters
    assert parameters["absent"].default is inspect.Parameter.empty

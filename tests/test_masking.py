from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from wsss.masking import NoMasking, RandomMasking, ScheduledMasking, draw_token_keep


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


@pytest.mark.parametrize(
    ("masking", "expected"),
    [
        (NoMasking("none"), [0, 0, 0, 0]),
        (RandomMasking("random", 0.4), [0.4, 0.4, 0.4, 0.4]),
        (ScheduledMasking("scheduled", 0.8, 0.2, 1.0), [0.2, 0.35, 0.5, 0.8]),
        (ScheduledMasking("scheduled", 0.8, 0.0, 0.5), [0, 0.4, 0.8, 0.8]),
        (ScheduledMasking("scheduled", 0.0, 1.0, 0.5), [1, 0.5, 0, 0]),
    ],
)
def test_rate_over_training(
    masking: NoMasking | RandomMasking | ScheduledMasking, expected: list[float]
) -> None:
    assert [masking.rate(progress) for progress in (0, 0.25, 0.5, 1)] == pytest.approx(expected)


@pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan])
def test_bad_rates_are_named(rate: float) -> None:
    with pytest.raises(ValueError, match=r"masking\.dp_rate is"):
        RandomMasking("random", rate)
    with pytest.raises(ValueError, match=r"masking\.dp_rate is"):
        ScheduledMasking("scheduled", rate, 0.0, 0.5)
    with pytest.raises(ValueError, match=r"masking\.start_rate is"):
        ScheduledMasking("scheduled", 0.5, rate, 0.5)


@pytest.mark.parametrize("ramp", [0.0, -1.0, 1.1, math.nan])
def test_bad_ramps_are_named(ramp: float) -> None:
    with pytest.raises(ValueError, match=r"masking\.ramp is"):
        ScheduledMasking("scheduled", 0.5, 0.0, ramp)

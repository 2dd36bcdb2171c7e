from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from helpers.unet_settings import unet_config
from torch import Tensor

from wsss.data.types import IGNORE_INDEX
from wsss.models.segmenter_config import LOSSES
from wsss.training.pixel_losses import segmentation_loss

CONFIG = unet_config(4, symmetric_share=0.25, bootstrap_share=0.25)
# Two pixels of three classes, labelled with class 0, and one that is ignored.
PROBABILITIES = torch.tensor([[0.25, 0.5, 0.25], [0.64, 0.18, 0.18], [0.1, 0.1, 0.8]])
SCORES = PROBABILITIES.log().T.reshape(1, 3, 1, 3)
TARGET = torch.tensor([[[0, 0, IGNORE_INDEX]]])
ALL = pytest.mark.parametrize("loss", LOSSES)


def value(loss: str, scores: Tensor = SCORES, target: Tensor = TARGET, **changes: Any) -> float:
    config = replace(CONFIG, loss=loss, **changes)
    return float(segmentation_loss(scores, target, config))


def gradient(loss: str, scores: Tensor, target: Tensor, **changes: Any) -> Tensor:
    scores = scores.clone().requires_grad_()
    result = segmentation_loss(scores, target, replace(CONFIG, loss=loss, **changes))
    return torch.autograd.grad(result, scores)[0]


CE = (-math.log(0.25) - math.log(0.64)) / 2
#: Intersection, prediction and labels, over the two pixels that count, as MONAI smooths them.
DICE = [(0.89, 0.89, 2.0), (0.0, 0.68, 0.0), (0.0, 0.43, 0.0)]
BY_HAND = {
    "cross_entropy": CE,
    "dice_ce": CE + sum(1 - (2 * i + 1e-5) / (p + t + 1e-5) for i, p, t in DICE) / 3,
    "generalised_ce": ((1 - 0.5) / 0.5 + (1 - 0.8) / 0.5) / 2,  # p^0.5 is 0.5 and 0.8
    "symmetric_ce": 0.75 * CE + 0.25 * 4 * (0.75 + 0.36) / 2,
    "bootstrap": 0.75 * CE + 0.25 * (-math.log(0.5) - math.log(0.64)) / 2,
}


@ALL
def test_hand_computed(loss: str) -> None:
    assert value(loss) == pytest.approx(BY_HAND[loss], abs=1e-5)


@ALL
def test_scores_of_ignored_pixels_change_nothing_and_get_no_gradient(loss: str) -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 3, 4, 4, generator=generator)
    target = torch.randint(3, (2, 4, 4), generator=generator)
    target[:, 1:3] = IGNORE_INDEX
    ignored = (target == IGNORE_INDEX).unsqueeze(1).expand_as(scores)
    other = torch.where(ignored, scores + 5 * torch.rand(2, 3, 4, 4), scores)
    assert value(loss, other, target) == pytest.approx(value(loss, scores, target))
    pull = gradient(loss, scores, target)
    assert not pull[ignored].any() and pull[~ignored].any()


@ALL
def test_nothing_to_learn_where_all_pixels_are_ignored(loss: str) -> None:
    scores, target = torch.randn(1, 3, 2, 2), torch.full((1, 2, 2), IGNORE_INDEX)
    assert value(loss, scores, target) == 0
    assert not gradient(loss, scores, target).any()


@ALL
def test_gradients_stay_finite_where_a_label_has_no_probability_left(loss: str) -> None:
    scores = torch.tensor([-1e4, 0.0, 1e4]).reshape(1, 3, 1, 1)
    assert gradient(loss, scores, torch.zeros(1, 1, 1).long()).isfinite().all()


def test_the_ends_of_the_parameters_are_the_losses_they_lie_between() -> None:
    absolute = float((1 - PROBABILITIES[:2, 0]).mean())
    assert value("generalised_ce", generalised_q=1e-4) == pytest.approx(CE, rel=1e-3)
    assert value("generalised_ce", generalised_q=1.0) == pytest.approx(absolute)
    assert value("symmetric_ce", symmetric_share=0.0) == pytest.approx(CE)
    assert value("symmetric_ce", symmetric_share=1.0) == pytest.approx(4 * absolute)
    assert value("bootstrap", bootstrap_share=0.0) == pytest.approx(CE)


@pytest.mark.parametrize("loss", ["generalised_ce", "symmetric_ce", "bootstrap"])
def test_a_label_that_the_network_finds_unlikely_pulls_less_than_in_cross_entropy(
    loss: str,
) -> None:
    def pull(name: str, logit: float) -> float:
        scores = torch.tensor([logit, 0.0]).reshape(1, 2, 1, 1)
        target = torch.zeros(1, 1, 1).long()
        return float(gradient(name, scores, target, symmetric_share=0.9).abs().sum())

    def preference(name: str) -> float:
        unlikely, likely = -4.0, 1.0
        return pull(name, unlikely) / pull(name, likely)

    assert preference(loss) < preference("cross_entropy")


def test_cross_entropy_is_that_of_torch_bit_for_bit() -> None:
    scores = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    target = torch.randint(3, (2, 5, 5), generator=torch.Generator().manual_seed(2))
    target[0, 0] = IGNORE_INDEX
    expected = F.cross_entropy(scores, target, ignore_index=IGNORE_INDEX)
    assert torch.equal(segmentation_loss(scores, target, CONFIG), expected)

"""What the classifier is trained to do."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from helpers.small_vit import build, images

from wsss.training.loss_config import LossConfig
from wsss.training.losses import contrast, diversity, training_loss

LABELS = torch.tensor([[1.0, 0, 0, 0, 1], [0, 0, 1, 0, 0]])


def test_maps_that_do_not_overlap_are_as_diverse_as_can_be() -> None:
    maps = torch.eye(4).view(1, 4, 2, 2).repeat(3, 1, 1, 1)
    assert diversity(maps) == pytest.approx(0, abs=1e-6)


def test_equal_maps_are_not_diverse_whatever_their_scale() -> None:
    maps = torch.rand(2, 1, 3, 3).expand(-1, 5, -1, -1)
    assert diversity(maps) == pytest.approx(math.sqrt(5 * 4), rel=1e-4)
    scaled = maps * torch.tensor([1.0, 2, 3, 4, 5]).view(1, 5, 1, 1)
    assert diversity(scaled) == pytest.approx(math.sqrt(5 * 4), rel=1e-4)


def test_contrast_falls_as_tokens_part() -> None:
    equal = torch.ones(2, 6, 8)
    apart = torch.eye(6, 8).expand(2, -1, -1)
    assert contrast([equal, equal]) == pytest.approx(math.log(6), rel=1e-5)
    assert contrast([apart]) < contrast([equal, apart]) < contrast([equal])
    assert contrast([apart]) == pytest.approx(math.log(math.e + 5) - 1, rel=1e-5)


def test_the_default_is_the_classification_loss_alone() -> None:
    model, x = build(), images(2, 3, 16, 16)
    loss = training_loss(model.score(x), LABELS, True, LossConfig(0.0, 0.0))
    assert torch.equal(loss, F.binary_cross_entropy_with_logits(model(x), LABELS))


def test_each_head_and_each_term_adds_its_loss() -> None:
    model, x = build(token_head="mean", patch_head="average"), images(2, 3, 16, 16)
    scores = model.score(x, return_attention=True)
    assert scores.token_logits is not None and scores.patch_logits is not None
    assert scores.encoded.class_attention is not None
    expected = (
        F.binary_cross_entropy_with_logits(scores.token_logits, LABELS)
        + F.binary_cross_entropy_with_logits(scores.patch_logits, LABELS)
        + 0.1 * diversity(scores.encoded.class_attention.sum(dim=1))
        + 0.5 * contrast(scores.encoded.layer_tokens)
    )
    loss = training_loss(scores, LABELS, True, LossConfig(diversity=0.1, contrast=0.5))
    torch.testing.assert_close(loss, expected)

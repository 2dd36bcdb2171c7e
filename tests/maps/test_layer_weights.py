"""Weights of layers: only a layer whose attention finds the classes counts."""

from __future__ import annotations

import pytest
import torch
from helpers.small_vit import build, images
from torch import Tensor

from wsss.maps.layer_weights import attended_scores, learn_layer_weights


def sums(points_at: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of `attended_scores` where a layer's attention ends on the class or elsewhere."""
    scores = (2 * labels - 1)[:, None] * points_at[None, :, None]
    return scores, torch.ones_like(scores)


def test_the_layer_that_points_at_the_class_gets_the_weight() -> None:
    labels = (torch.rand(64, 3, generator=torch.Generator().manual_seed(0)) < 0.5).float()

    weights = learn_layer_weights([(sums(torch.tensor([-1.0, 3.0, 0.0]), labels), labels)], True)

    assert weights.sum() == pytest.approx(1) and bool((weights >= 0).all())
    assert weights[1] > 0.95


def test_batches_do_not_matter() -> None:
    labels = (torch.rand(12, 3, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    found, given = sums(torch.tensor([0.5, 1.0]), labels)
    found = found + torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    whole = learn_layer_weights([((found, given), labels)], True)

    pieces = learn_layer_weights(
        (((found[i : i + 5], given[i : i + 5]), labels[i : i + 5]) for i in (0, 5, 10)), True
    )

    assert torch.equal(whole, pieces)


def test_sums_of_attention_over_patches() -> None:
    model, shown = build(patch_head="average"), images(2, 3, 16, 16)
    with torch.no_grad():
        scores = model.score(shown, return_attention=True)
    attention, patches = scores.encoded.class_attention, scores.patch_scores
    assert attention is not None and patches is not None

    found, given = attended_scores(model, shown)

    layer, label = 1, 2
    expected = sum(
        float(attention[0, layer, label, row, column] * patches[0, label, row, column])
        for row in range(4)
        for column in range(4)
    )
    assert float(found[0, layer, label]) == pytest.approx(expected, rel=1e-4)
    assert float(given[0, layer, label]) == pytest.approx(float(attention[0, layer, label].sum()))

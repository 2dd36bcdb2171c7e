"""Class maps from the clustered heads of a plain ViT."""

from __future__ import annotations

from typing import Any

import torch
from helpers.small_vit import build, images
from torch import Tensor

from wsss.maps.sources.clusters import clusters
from wsss.maps.sources.source import EncodedView
from wsss.models import ClassTokenViT
from wsss.models.trace import block_inputs


def plain(**changes: Any) -> ClassTokenViT:
    return build(**(dict(class_tokens="shared", register_token=False) | changes))


@torch.no_grad()
def maps_of(model: ClassTokenViT, x: Tensor, layers: tuple[int, ...] = (0, 1, 2)) -> Tensor:
    with block_inputs(model) as inputs:
        scores = model.score(x)
    return clusters(EncodedView(model, x, scores, inputs, layers=[*layers], method="sum"))


def test_maps_are_shared_out_among_the_classes() -> None:
    maps = maps_of(plain(), images(3, 3, 24, 16))
    assert maps.shape == (3, 5, 6, 4)
    assert maps.min() >= 0 and maps.sum(dim=1).max() <= 5  # at most five clusters
    assert torch.equal(maps, maps_of(plain(), images(3, 3, 24, 16)))


def test_an_image_has_the_same_maps_in_any_batch() -> None:
    model, x = plain(), images(3, 3, 16, 16)
    together = maps_of(model, x)
    torch.testing.assert_close(maps_of(model, x[1:2])[0], together[1], rtol=1e-4, atol=1e-5)


def test_one_predicted_class_makes_one_cluster() -> None:
    model, x = plain(), images(2, 3, 16, 16)
    assert model.classifier is not None
    with torch.no_grad():
        model.classifier.bias.fill_(-100.0)  # no class is present: still one cluster
    maps = maps_of(model, x).flatten(2)
    cosines = torch.nn.functional.cosine_similarity(maps[:, :1], maps, dim=-1)
    torch.testing.assert_close(cosines, torch.ones_like(cosines))


def test_without_a_head_in_the_chosen_layers_maps_are_zero() -> None:
    model = plain(num_heads=[4, 0, 2], head_dim=6)
    assert not maps_of(model, images(2, 3, 16, 16), layers=(1,)).any()
    assert maps_of(model, images(2, 3, 16, 16), layers=(1, 2)).any()

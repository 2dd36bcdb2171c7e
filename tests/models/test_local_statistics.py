"""Tokens of local statistics tell colours, textures and places apart, for any bands."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from wsss.models.architecture import LOCAL_STATISTICS, Architecture
from wsss.models.local_statistics import LocalStatistics
from wsss.models.vit import ClassTokenViT


def architecture(bands: int = 3, patch: int = 4, width: int = 64) -> Architecture:
    return Architecture.of(
        image_size=32,
        patch_size=patch,
        in_channels=bands,
        num_classes=2,
        embed_dim=width,
        depth=0,
        num_heads=1,
        token_head="none",
        patch_head="compete",
        encoder={"model_type": LOCAL_STATISTICS},
    )


def noise(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bands", [1, 3, 13])
def test_any_bands_and_sizes_give_tokens_row_by_row(bands: int) -> None:
    encoder = LocalStatistics(architecture(bands))
    encoder.fit([noise(bands, 20, 32)])
    tokens = encoder(noise(2, bands, 20, 32, seed=1))
    assert tokens.shape == (2, 5 * 8, 64)
    assert tokens.isfinite().all() and tokens.abs().max() <= math.sqrt(2) + 1e-6


def test_what_it_is_fitted_to_is_standardised() -> None:
    encoder = LocalStatistics(architecture())
    images = [noise(3, 24, 32, seed=seed) * (1 + seed) + seed for seed in range(4)]
    encoder.fit(images)
    found = torch.cat([encoder.statistics(image[None])[0].flatten(1) for image in images], dim=1)
    standardised = (found - encoder.mean[:, None]) / encoder.std[:, None]
    assert standardised.mean(dim=1).abs().max() < 1e-4
    assert (standardised.std(dim=1, correction=0) - 1).abs().max() < 1e-3


def test_a_constant_image_is_no_division_by_zero() -> None:
    encoder = LocalStatistics(architecture())
    encoder.fit([torch.zeros(3, 16, 16)])
    assert encoder(torch.zeros(1, 3, 16, 16)).isfinite().all()


@pytest.mark.parametrize("kind", ["colour", "deviation", "orientation", "frequency"])
def test_a_linear_layer_tells_halves_apart_that_differ_in_one_way(kind: str) -> None:
    encoder = LocalStatistics(architecture(patch=8, width=256))
    images = [halves(kind, seed) for seed in range(8)]
    encoder.fit(images)
    sides = torch.where(torch.arange(16) < 8, -1.0, 1.0).repeat(8)
    tokens = encoder(torch.stack(images)).flatten(0, 1)
    ridge = 1e-1 * len(tokens) * torch.eye(256)
    layer = torch.linalg.solve(tokens.mT @ tokens + ridge, tokens.mT @ sides.repeat(8))
    right = (encoder(halves(kind, seed=99)[None])[0] @ layer).sign() == sides
    assert right.float().mean() > 0.9


def halves(kind: str, seed: int) -> Tensor:
    """``[3, 64, 128]`` of noise; its right half differs in one way alone."""
    image = 0.3 * noise(3, 64, 128, seed=seed)
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    if kind == "colour":
        image[0, :, 64:] += 1
    elif kind == "deviation":
        image[:, :, 64:] *= 3
    elif kind == "orientation":
        image[:, :, :64] += (rows * math.pi / 4).sin()
        image[:, :, 64:] += (columns * math.pi / 4).sin()
    else:
        image[:, :, :64] += (rows * math.pi / 2).sin()
        image[:, :, 64:] += (rows * math.pi / 8).sin()
    return image


def test_directions_are_the_same_for_all_seeds_and_stored() -> None:
    first = ClassTokenViT(architecture(), generator=torch.Generator().manual_seed(0))
    second = ClassTokenViT(architecture(), generator=torch.Generator().manual_seed(1))
    encoders = (first.patch_embed, second.patch_embed)
    assert all(isinstance(encoder, LocalStatistics) for encoder in encoders)
    for name in ("directions", "phases", "mean", "std"):
        key = f"patch_embed.{name}"
        assert torch.equal(first.state_dict()[key], second.state_dict()[key])
    assert not list(first.patch_embed.parameters())

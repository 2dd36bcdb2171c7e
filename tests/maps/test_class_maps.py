from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from helpers.rollout import class_rollout
from torch import Tensor

from wsss.errors import UserError
from wsss.maps.class_maps import class_maps
from wsss.maps.config import AttentionConfig, layer_numbers
from wsss.maps.sources.needs import NEEDS
from wsss.maps.sources.registry import SOURCES
from wsss.models import ClassTokenViT


def config(
    layers: str | list[int] = "all",
    scales: tuple[float, ...] = (1.0,),
    flip: bool = False,
    method: str = "sum",
) -> AttentionConfig:
    return AttentionConfig(
        source="attention",
        affinity=False,
        heads="open",
        layers=layers,
        method=method,
        max_side=None,
        scales=list(scales),
        flip=flip,
        batch_size=2,
    )


@pytest.fixture(scope="module")
def model() -> ClassTokenViT:
    built = ClassTokenViT(
        image_size=32,
        patch_size=8,
        in_channels=2,
        num_classes=3,
        embed_dim=16,
        depth=3,
        num_heads=2,
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return built.eval()


def images(height: int = 32, width: int = 32) -> Tensor:
    return torch.randn(2, 2, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("layers", "expected"), [("all", [0, 1, 2, 3]), ("last_1", [3]), ("last_4", [0, 1, 2, 3])]
)
def test_layers_by_name(layers: str, expected: list[int]) -> None:
    assert layer_numbers(layers, 4) == expected


@pytest.mark.parametrize(("layers", "expected"), [([0, 2], [0, 2]), ([3, 1], [1, 3])])
def test_layers_by_number(layers: list[int], expected: list[int]) -> None:
    assert layer_numbers(layers, 4) == expected


@pytest.mark.parametrize(
    "layers",
    [
        *("", "every", "last", "last_", "last_0", "last_5", "last_-1", "first_1", "last_²"),
        *([], [4], [-1], [0, 0], [True], [1.0], ["1"], [[0]], 2, None),
    ],
)
def test_unknown_layers_are_refused_with_what_is_valid(layers: object) -> None:
    with pytest.raises(
        UserError, match=r"attention\.layers is .*; valid: all, learnt, last_1 .. last_4"
    ):
        layer_numbers(layers, 4)


@torch.no_grad()
@pytest.mark.parametrize(
    ("layers", "chosen"), [("all", [0, 1, 2]), ("last_2", [1, 2]), ([2, 0], [0, 2])]
)
def test_one_view_is_the_sum_over_layers(
    model: ClassTokenViT, layers: str | list[int], chosen: list[int]
) -> None:
    expected = model(images(), return_attention=True)
    logits, maps = class_maps(model, images(), config(layers))
    torch.testing.assert_close(logits, expected.logits)
    torch.testing.assert_close(maps, expected.class_attention[:, chosen].sum(dim=1))


@pytest.mark.parametrize("layers", ["all", [0, 2]])
def test_rollout_is_a_method(model: ClassTokenViT, layers: str | list[int]) -> None:
    logits, maps = class_maps(model, images(), config(layers, method="rollout"))
    expected_logits, expected = class_rollout(model, images(), layer_numbers(layers, 3))
    assert torch.equal(maps, expected) and torch.equal(logits, expected_logits)
    assert not torch.allclose(maps, class_maps(model, images(), config(layers))[1])


def test_views_of_a_rollout_line_up(model: ClassTokenViT) -> None:
    settings = config(scales=(1.0, 1.5), flip=True, method="rollout")
    _, maps = class_maps(model, images(32, 16), settings, square=True)
    _, mirrored = class_maps(model, images(32, 16).flip(-1), settings, square=True)
    assert maps.shape == (2, 3, 6, 3)
    assert maps.min() >= 0 and maps.max() <= 1
    assert torch.allclose(maps.flip(-1), mirrored, atol=1e-6)


def test_weighted_heads_are_the_weighted_mean_of_each_head_alone(model: ClassTokenViT) -> None:
    def maps(*weights: tuple[float, float]) -> Tensor:
        given = [torch.tensor(layer, dtype=torch.float32) for layer in weights]
        return class_maps(model, images(), config(), head_weights=given)[1]

    first, second = maps(*[(1, 0)] * 3), maps(*[(0, 1)] * 3)
    torch.testing.assert_close(maps(*[(0.75, 0.25)] * 3), 0.75 * first + 0.25 * second)
    torch.testing.assert_close(maps(*[(0.5, 0.5)] * 3), class_maps(model, images(), config())[1])
    assert not torch.allclose(first, second, atol=1e-3)
    # Each layer has weights of its own.
    torch.testing.assert_close(
        maps((1, 0), (0, 1), (1, 0)) + maps((0, 1), (1, 0), (0, 1)), first + second
    )


def test_layers_are_summed_with_their_weights(model: ClassTokenViT) -> None:
    weights = torch.tensor([0.2, 0.0, 0.8])
    _, maps = class_maps(model, images(), config("learnt"), layer_weights=weights)
    first, last = (class_maps(model, images(), config([layer]))[1] for layer in (0, 2))
    torch.testing.assert_close(maps, 0.2 * first + 0.8 * last)


def test_weights_of_heads_leave_the_scores_alone(model: ClassTokenViT) -> None:
    weights = [torch.tensor([0.9, 0.1])] * 3
    logits, _ = class_maps(model, images(), config(), head_weights=weights)
    assert torch.equal(logits, class_maps(model, images(), config())[0])


def test_maps_of_a_mirrored_image_are_mirrored(model: ClassTokenViT) -> None:
    settings = config(flip=True, scales=(1.0, 1.5))
    logits, maps = class_maps(model, images(), settings)
    mirrored_logits, mirrored = class_maps(model, images().flip(-1), settings)
    torch.testing.assert_close(mirrored, maps.flip(-1))
    torch.testing.assert_close(mirrored_logits, logits)
    _, plain = class_maps(model, images(), config(scales=(1.0, 1.5)))
    assert not torch.allclose(plain, maps)


def test_views_are_averaged_on_the_grid_of_the_largest(model: ClassTokenViT) -> None:
    logits, maps = class_maps(model, images(), config(scales=(1.0, 1.5, 0.5)))
    alone = [class_maps(model, images(), config(scales=(scale,))) for scale in (1.0, 1.5, 0.5)]
    brought = [
        F.interpolate(part, size=(6, 6), mode="bilinear", align_corners=False) for _, part in alone
    ]
    torch.testing.assert_close(maps, torch.stack(brought).mean(dim=0))
    torch.testing.assert_close(logits, torch.stack([part for part, _ in alone]).mean(dim=0))


@pytest.mark.parametrize(
    ("size", "scales", "grid"),
    [
        ((32, 32), (1.0,), (4, 4)),
        ((32, 32), (1.0, 1.5), (6, 6)),
        ((32, 48), (0.5, 2.0), (8, 12)),
        ((24, 40), (0.1,), (1, 1)),
        ((30, 35), (1.0,), (4, 4)),
    ],
)
def test_grid_and_range_of_the_maps(
    model: ClassTokenViT, size: tuple[int, int], scales: tuple[float, ...], grid: tuple[int, int]
) -> None:
    logits, maps = class_maps(model, images(*size), config(scales=scales, flip=True))
    assert logits.shape == (2, 3)
    assert maps.shape == (2, 3, *grid)
    assert maps.dtype == torch.float32
    assert maps.min() >= 0
    assert maps.sum(dim=(-2, -1)).max() > 0
    assert maps.max() <= len(model.blocks)


def test_padding_to_a_square_leaves_the_maps_of_the_image_alone(model: ClassTokenViT) -> None:
    """As if the caller had padded the image and cut the maps to what it covers."""
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(2, 2, 16, 32, generator=generator)
    logits, maps = class_maps(model, images, config(), square=True)
    padded = F.pad(images, (0, 0, 0, 16))
    expected_logits, expected = class_maps(model, padded, config())
    assert maps.shape == (2, 3, 2, 4)
    assert torch.equal(maps, expected[:, :, :2])
    assert torch.equal(logits, expected_logits)


def test_views_of_a_padded_image_line_up(model: ClassTokenViT) -> None:
    generator = torch.Generator().manual_seed(4)
    images = torch.randn(1, 2, 32, 16, generator=generator)
    _, maps = class_maps(model, images, config(scales=(1.0, 2.0), flip=True), square=True)
    _, mirrored = class_maps(
        model, images.flip(-1), config(scales=(1.0, 2.0), flip=True), square=True
    )
    assert maps.shape == (1, 3, 8, 4)
    assert torch.allclose(maps.flip(-1), mirrored, atol=1e-6)


def test_every_source_says_what_it_needs() -> None:
    assert list(NEEDS) == list(SOURCES)

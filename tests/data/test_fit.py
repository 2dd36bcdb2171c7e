from __future__ import annotations

import pytest
import torch

from wsss.data.fit import fitted_size, own_size, pad, pad_mask, resize, resize_mask
from wsss.data.types import IGNORE_INDEX


@pytest.mark.parametrize(
    ("size", "fit", "expected"),
    [
        ((300, 400), "resize", (32, 32)),
        ((300, 400), "pad", (24, 32)),
        ((400, 300), "pad", (32, 24)),
        ((10, 20), "pad", (16, 32)),  # small images are enlarged
        ((1, 1000), "pad", (1, 32)),  # never to nothing
        ((32, 32), "pad", (32, 32)),
    ],
)
def test_sizes_of_fitted_images(size: tuple[int, int], fit: str, expected: tuple[int, int]) -> None:
    assert fitted_size(size, 32, fit) == expected


@pytest.mark.parametrize(
    ("size", "expected"), [((300, 400), (300, 400)), ((300, 1280), (150, 640)), ((5, 3), (5, 3))]
)
def test_own_sizes_are_bounded(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert own_size(size, 640) == expected


def test_padding_keeps_the_image_and_counts_no_pixel_beside_it() -> None:
    image, mask = torch.rand(3, 4, 6) + 1, torch.ones(4, 6, dtype=torch.uint8)
    padded, padded_mask = pad(image, 6), pad_mask(mask, 6)
    assert padded.shape == (3, 6, 6) and padded_mask.shape == (6, 6)
    assert torch.equal(padded[:, :4], image) and (padded[:, 4:] == 0).all()
    assert (padded_mask[:4] == 1).all() and (padded_mask[4:] == IGNORE_INDEX).all()
    assert padded_mask.dtype == torch.uint8


def test_image_and_mask_are_resized_alike() -> None:
    mask = torch.zeros(8, 12, dtype=torch.uint8)
    mask[:4] = 1
    small = resize_mask(mask, (4, 4))
    image = resize(mask[None].float(), (4, 4))
    assert small.tolist() == [[1] * 4] * 2 + [[0] * 4] * 2
    assert torch.equal(image[0].round(), small.float())
    assert resize(image, (4, 4)) is image


def test_values_without_data_take_no_part_in_resizing() -> None:
    image = torch.rand(2, 12, 16, generator=torch.Generator().manual_seed(0))
    image[:, :, :7] = torch.nan
    small = resize(image, (6, 8))
    assert not small.isnan().any()
    assert (small[:, :, :3] == 0).all(), "the mean where no pixel is covered"
    low, high = image[:, :, 7:].min(), image[:, :, 7:].max()
    assert ((small[:, :, 4:] >= low) & (small[:, :, 4:] <= high)).all()
    assert (resize(image, (12, 16))[:, :, :7] == 0).all()
    constant = torch.where(image.isnan(), image, 3.0)
    assert torch.allclose(resize(constant, (5, 5))[:, :, 3:], torch.tensor(3.0))

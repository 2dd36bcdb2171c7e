from __future__ import annotations

import pytest
import torch
from torch import Tensor

from wsss.pseudo_masks.refinement import affinities, pamr


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def two_regions(bands: int, height: int = 24, width: int = 32, edge: int = 13) -> Tensor:
    """Dark on the left of column ``edge`` and bright on its right, each band in its own unit."""
    image = torch.zeros(bands, height, width)
    image[:, :, edge:] = 1
    units = torch.logspace(-3, 3, bands).view(-1, 1, 1)
    return (image + 0.02 * noise(bands, height, width)) * units - 5 * units


def iou(found: Tensor, true: Tensor) -> float:
    return float((found & true).sum() / (found | true).sum())


@pytest.mark.parametrize("bands", [1, 3, 13])
def test_a_blurred_boundary_is_pulled_to_the_edge(bands: int) -> None:
    image = two_regions(bands)
    true = torch.zeros(24, 32, dtype=torch.bool)
    true[:, 13:] = True
    slope = ((torch.arange(32) - 8) / 16).clamp(0, 1).expand(24, 32)  # half at column 16
    scores = torch.stack([slope, 1 - slope])

    refined = pamr(scores, image, 10, [1, 2, 4])

    before, after = (iou(s[0] > s[1], true) for s in (scores, refined))
    assert before < 0.85 and after > 0.97
    assert refined.sum(dim=0) == pytest.approx(1, abs=1e-5)


def test_the_unit_of_a_band_does_not_matter() -> None:
    image = noise(3, 9, 11)
    factors, offsets = torch.tensor([1e-3, 2.0, 1e4]), torch.tensor([0.1, -7.0, 300.0])
    changed = image * factors.view(3, 1, 1) + offsets.view(3, 1, 1)
    assert torch.allclose(affinities(image, [1, 2]), affinities(changed, [1, 2]), atol=2e-3)


def test_affinities_by_hand() -> None:
    image = torch.tensor([[[0.0, 0.0, 3.0]]])
    left, right = 3, 4  # of the eight directions, row by row
    weights = affinities(image, [1])[:, 0, 1]
    # Around the middle lie 0, 0, 0, 0, 0, 0 and 3, 3, 3: deviation sqrt(2) in these units, so
    # that the bright ones lie 3 / (0.1 * sqrt(2)) = 21 away.
    assert weights.tolist() == pytest.approx([0.2, 0.2, 0, 0.2, 0, 0.2, 0.2, 0], abs=1e-6)
    assert weights[right] / weights[left] == pytest.approx(torch.tensor(-30 / 2**0.5).exp())


@pytest.mark.parametrize("image", [torch.full((3, 12, 12), 0.3), torch.zeros(1, 12, 12)])
def test_on_a_constant_image_scores_are_only_smoothed(image: Tensor) -> None:
    assert affinities(image, [1, 2]) == pytest.approx(1 / 16)
    scores = torch.zeros(1, 12, 12)
    scores[0, 5, 5] = 1
    (refined,) = pamr(scores, image, 1, [1, 2])
    expected = torch.zeros(12, 12)
    for distance in (1, 2):
        for down in (-distance, 0, distance):
            for right in (-distance, 0, distance):
                if down or right:
                    expected[5 + down, 5 + right] = 1 / 16
    assert torch.allclose(refined, expected)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (7, 50), (30, 20)])
@pytest.mark.parametrize("bands", [1, 13])
def test_any_size_stays_in_range_and_keeps_constants(height: int, width: int, bands: int) -> None:
    image = noise(bands, height, width)
    scores = noise(10, height, width, seed=1)
    scores[0], scores[1] = 0.7, 0.0
    refined = pamr(scores, image, 3, [1, 4, 24])
    assert refined.shape == scores.shape
    low, high = scores.amin(dim=(1, 2)), scores.amax(dim=(1, 2))
    assert (refined.amin(dim=(1, 2)) >= low - 1e-5).all()
    assert (refined.amax(dim=(1, 2)) <= high + 1e-5).all()
    assert refined[0] == pytest.approx(0.7, abs=1e-5)
    assert (refined[1] == 0).all()


def test_each_class_is_refined_on_its_own_and_every_time_alike() -> None:
    image, scores = noise(3, 14, 10), noise(19, 14, 10, seed=1)
    together = pamr(scores, image, 4, [1, 3])
    assert torch.equal(together, pamr(scores, image, 4, [1, 3]))
    assert torch.equal(together[17:18], pamr(scores[17:18], image, 4, [1, 3]))
    assert not torch.equal(together, pamr(scores, image, 3, [1, 3]))
    assert not torch.equal(together, pamr(scores, image, 4, [1, 2]))


def test_missing_values_count_as_the_mean() -> None:
    image = noise(2, 8, 8)
    image[0, 3, 3] = float("nan")
    filled = image.clone()
    filled[0, 3, 3] = image[0].nanmean()
    assert torch.allclose(affinities(image, [1, 2]), affinities(filled, [1, 2]), atol=1e-5)
    image[1] = float("nan")
    assert affinities(image, [1]).isfinite().all()


@pytest.mark.parametrize("bands", [1, 13])
def test_bits_do_not_depend_on_threads(bands: int) -> None:
    scores, image = noise(3, 300, 301), noise(bands, 300, 301, seed=1)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(pamr(scores, image, 2, [1, 2]))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(other, found[0]) for other in found[1:])

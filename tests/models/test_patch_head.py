"""Pooling of patch scores."""

from __future__ import annotations

import torch

from wsss.models.patch_head import DECAY, PatchHead


def scores() -> torch.Tensor:
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))


def test_average_is_the_mean_over_patches() -> None:
    head = PatchHead(8, 3, "average")
    torch.testing.assert_close(head.pool(scores()), scores().mean(dim=(2, 3)))


def test_ranked_weighs_by_rank_and_not_by_place() -> None:
    head = PatchHead(8, 3, "ranked")
    pooled = head.pool(scores())
    falling = sorted(scores()[1, 2].flatten().tolist(), reverse=True)
    weights = [DECAY**rank for rank in range(20)]
    expected = sum(w * s for w, s in zip(weights, falling, strict=True)) / sum(weights)
    torch.testing.assert_close(pooled[1, 2], torch.tensor(expected))
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    shuffled = scores().flatten(2)[:, :, order].view_as(scores())
    torch.testing.assert_close(head.pool(shuffled), pooled)
    assert (pooled > scores().mean(dim=(2, 3))).all()
    assert (pooled < scores().amax(dim=(2, 3))).all()

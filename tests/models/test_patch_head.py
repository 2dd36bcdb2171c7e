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


def test_competing_classes_are_weighed_by_their_share_of_each_patch() -> None:
    head = PatchHead(8, 3, "compete")
    assert head.conv.weight.shape == (3, 8, 1, 1)
    shares = scores().softmax(dim=1)
    expected = (shares * scores()).sum(dim=(2, 3)) / shares.sum(dim=(2, 3))
    torch.testing.assert_close(head.pool(scores()), expected)
    torch.testing.assert_close(head.pool(scores(), torch.ones(2, 3)), expected)


def test_a_hidden_class_takes_no_patch_from_the_others() -> None:
    head, keep = PatchHead(8, 3, "compete"), torch.tensor([[1.0, 0, 1], [0, 0, 0]])
    given = scores().requires_grad_()
    pooled = head.pool(given, keep)
    alone = PatchHead(8, 2, "compete").pool(scores()[:1, [0, 2]])
    torch.testing.assert_close(pooled[:1, [0, 2]], alone)
    assert not pooled[keep == 0].any()
    torch.autograd.backward(pooled.sum())
    assert given.grad is not None
    assert given.grad.isfinite().all() and not given.grad[keep == 0].any()


def test_a_class_that_wins_a_patch_is_not_weakened_by_the_others() -> None:
    """Unlike a mean over patches: a small object counts where it is."""
    small = torch.full((1, 2, 5, 5), -4.0)
    small[0, 0, 2, 2] = 4.0
    small[0, 1] += 4.0
    assert PatchHead(8, 2, "compete").pool(small)[0, 0] > 0
    assert PatchHead(8, 2, "average").pool(small)[0, 0] < -3

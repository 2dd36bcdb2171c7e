"""Pooling of patch scores."""

from __future__ import annotations

import pytest
import torch

from wsss.models.architecture import COMPETING, POOLINGS
from wsss.models.patch_head import DECAY, PatchHead


def scores() -> torch.Tensor:
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))


def pooled_by(
    head: PatchHead, given: torch.Tensor, keep: torch.Tensor | None = None
) -> torch.Tensor:
    """Logits ``[B, C]`` of a head with one member."""
    return head.pool(given[:, None], keep)[:, 0]


def test_average_is_the_mean_over_patches() -> None:
    head = PatchHead(8, 3, "average")
    torch.testing.assert_close(pooled_by(head, scores()), scores().mean(dim=(2, 3)))


def test_ranked_weighs_by_rank_and_not_by_place() -> None:
    head = PatchHead(8, 3, "ranked")
    pooled = pooled_by(head, scores())
    falling = sorted(scores()[1, 2].flatten().tolist(), reverse=True)
    weights = [DECAY**rank for rank in range(20)]
    expected = sum(w * s for w, s in zip(weights, falling, strict=True)) / sum(weights)
    torch.testing.assert_close(pooled[1, 2], torch.tensor(expected))
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    shuffled = scores().flatten(2)[:, :, order].view_as(scores())
    torch.testing.assert_close(pooled_by(head, shuffled), pooled)
    assert (pooled > scores().mean(dim=(2, 3))).all()
    assert (pooled < scores().amax(dim=(2, 3))).all()


def test_competing_classes_are_weighed_by_their_share_of_each_patch() -> None:
    head = PatchHead(8, 3, "compete")
    assert head.conv.weight.shape == (3, 8, 1, 1)
    shares = scores().softmax(dim=1)
    expected = (shares * scores()).sum(dim=(2, 3)) / shares.sum(dim=(2, 3))
    torch.testing.assert_close(pooled_by(head, scores()), expected)
    torch.testing.assert_close(pooled_by(head, scores(), torch.ones(2, 3)), expected)


def test_a_hidden_class_takes_no_patch_from_the_others() -> None:
    head, keep = PatchHead(8, 3, "compete"), torch.tensor([[1.0, 0, 1], [0, 0, 0]])
    given = scores().requires_grad_()
    pooled = pooled_by(head, given, keep)
    alone = pooled_by(PatchHead(8, 2, "compete"), scores()[:1, [0, 2]])
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
    assert pooled_by(PatchHead(8, 2, "compete"), small)[0, 0] > 0
    assert pooled_by(PatchHead(8, 2, "average"), small)[0, 0] < -3


def test_a_background_takes_patches_from_all_classes() -> None:
    """It competes with score 0: a class's logit is its mean score where it beats the background."""
    head = PatchHead(8, 2, "compete_background")
    given = torch.full((1, 2, 5, 5), -9.0)
    given[0, 0, 2, 2] = 6.0
    logits = pooled_by(head, given)[0]
    assert logits[0] == pytest.approx(6.0, abs=0.1) and logits[1] < -8
    keep = torch.tensor([[1.0, 0.0]])
    assert pooled_by(head, given, keep).tolist() == [[pytest.approx(float(logits[0])), 0.0]]


def test_what_all_patches_share_is_no_sign_of_a_class() -> None:
    head = PatchHead(8, 2, "compete_background")
    patches = torch.randn(2, 8, 4, 5, generator=torch.Generator().manual_seed(3))
    shift = torch.randn(2, 8, 1, 1, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(head(patches + shift), head(patches))
    wider = torch.full((2, 8, 6, 7), torch.nan)
    wider[..., :4, :5] = patches
    valid = ~wider[:, 0].isnan()
    torch.testing.assert_close(head(wider, valid)[..., :4, :5], head(patches))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_tokens_that_have_diverged_are_not_hidden(pooling: str) -> None:
    head = PatchHead(8, 3, pooling)
    patches = torch.randn(1, 8, 4, 5, generator=torch.Generator().manual_seed(5))
    patches[0, 0, 0, 0] = torch.nan
    assert head.pool(head(patches)).isnan().any()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_what_is_no_patch_takes_no_part(pooling: str) -> None:
    head = PatchHead(8, 3, pooling, members=2)
    given = torch.randn(2, 2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    wider, valid = torch.full((2, 2, 3, 6, 7), 9.0), torch.zeros(2, 6, 7, dtype=torch.bool)
    wider[..., :4, :5], valid[:, :4, :5] = given, True
    keep = torch.tensor([[1.0, 1, 0], [1, 1, 1]]) if pooling in COMPETING else None
    torch.testing.assert_close(head.pool(wider, keep, valid), head.pool(given, keep))


def test_members_are_heads_of_their_own() -> None:
    patches = torch.randn(2, 8, 4, 5, generator=torch.Generator().manual_seed(2))
    both = PatchHead(8, 3, "compete", members=2)
    for number, (weight, bias) in enumerate(zip(*map(halves, both.parameters()), strict=True)):
        alone = PatchHead(8, 3, "compete")
        alone.load_state_dict({"conv.weight": weight, "conv.bias": bias})
        torch.testing.assert_close(both(patches)[:, number], alone(patches)[:, 0])


def halves(parameter: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return parameter.detach().chunk(2)

"""Labels that a layer gives to patches, and learns from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from wsss.models.labeller import Labeller
from wsss.models.patch_head import PatchHead
from wsss.training.self_labelling import assign, learn_from_own_labels
from wsss.training.self_labelling_config import SelfLabelling
from wsss.training.stored_tokens import StoredTokens, write_tokens
from wsss.training.tag_likelihood import TaggedTokens, tag_likelihood

SETTINGS = SelfLabelling(rounds=6, epochs=8, lr=1e-2, least_share=0.3)


def scores(seed: int, scale: float = 3.0) -> Tensor:
    return scale * torch.randn(4, 5, 6, 7, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(5))
def test_patches_are_divided_among_the_labels_of_their_image(seed: int) -> None:
    labels = torch.tensor([[1.0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
    parts = assign(scores(seed), labels, least_share=0.5)
    torch.testing.assert_close(parts[:3].sum(dim=1), torch.ones(3, 6, 7))
    assert not parts[3].any()  # an image without labels teaches nothing
    assert not parts[labels == 0].any()
    assert (parts[1, 4] == 1).all()


def test_a_weak_label_gets_its_least_share_where_it_is_strongest() -> None:
    weak = torch.zeros(1, 3, 6, 7)
    weak[:, 0] = 9.0
    weak[0, 1, 2, 3] = 4.0
    labels = torch.tensor([[1.0, 1, 0]])
    free, raised = assign(weak, labels, least_share=0.0), assign(weak, labels, least_share=0.2)
    assert free[0, 1].mean() < 0.01
    assert raised[0, 1].mean() == pytest.approx(0.1, abs=0.02)
    assert raised[0, 1].argmax() == 2 * 7 + 3


def world() -> tuple[np.ndarray, Tensor, Tensor]:
    """Tokens of objects, each of a telling half and another; labels; which patch is which."""
    rng = np.random.default_rng(0)
    classes, per_class, dim = 3, 12, 24
    telling, rest = rng.normal(size=(2, classes, dim)) * 2
    tokens, labels, truth = [], [], []
    for number in range(classes * per_class):
        first, second = number % classes, (number // classes + 1 + number) % classes
        owner = np.where(np.arange(8) < 4, first, second)[None].repeat(8, axis=0)
        kind = (np.arange(8) < 2)[:, None].repeat(8, axis=1)
        values = np.where(kind[..., None], telling[owner], rest[owner])
        values = values + rng.normal(size=dim) + 0.5 * rng.normal(size=(8, 8, dim))
        tokens.append(values.transpose(2, 0, 1))
        labels.append(np.isin(np.arange(classes), [first, second]))
        truth.append(owner)
    stacked = np.stack(tokens)[:, None].astype(np.float16)
    return stacked, torch.tensor(np.stack(labels)).float(), torch.tensor(np.stack(truth))


def telling_head(tokens: StoredTokens, truth: Tensor) -> PatchHead:
    """A head that knows the class of some patches, and little of the rest."""
    head = PatchHead(24, 3, "compete")
    with torch.no_grad():
        every = tokens.batch(range(len(tokens)))
        means = torch.stack(
            [every[:, :, :2].permute(0, 2, 3, 1)[(truth == c)[:, :2]].mean(dim=0) for c in range(3)]
        )
        head.conv.weight.copy_(0.05 * (means - means.mean(dim=0))[:, :, None, None])
        head.conv.bias.zero_()  # type: ignore[union-attr]
    return head


def test_labels_spread_from_the_telling_part_to_the_whole_object(tmp_path: Path) -> None:
    arrays, labels, truth = world()
    write_tokens(tmp_path / "tokens.safetensors", list(torch.from_numpy(arrays)))
    tokens = StoredTokens([tmp_path / "tokens.safetensors"])
    head, every = telling_head(tokens, truth), tokens.batch(range(len(tokens)))
    seen: list[dict[str, float]] = []
    images = TaggedTokens(tokens, labels)
    labeller, kept = learn_from_own_labels(
        head, images, images, SETTINGS, seed=0, report=lambda _, metrics: seen.append(metrics)
    )

    def right(score: Callable[[Tensor], Tensor]) -> float:
        with torch.no_grad():
            found = score(every).masked_fill(labels[:, :, None, None] == 0, -1e9).argmax(dim=1)
        return float((found == truth).float().mean())

    assert right(labeller) > max(0.95, right(lambda patches: head(patches)[:, 0]) + 0.02)
    assert len(seen) == 6 and seen[-1]["self_labelling/changed"] < 0.05
    assert kept > 3
    again, _ = learn_from_own_labels(head, images, images, SETTINGS, seed=0, report=lambda *_: None)
    assert torch.equal(labeller.conv.weight, again.conv.weight)


@pytest.mark.parametrize("others", [False, True])
def test_the_round_is_kept_that_agrees_best_with_labels_not_learnt_from(
    others: bool, tmp_path: Path
) -> None:
    arrays, labels, truth = world()
    write_tokens(tmp_path / "tokens.safetensors", list(torch.from_numpy(arrays)))
    tokens = StoredTokens([tmp_path / "tokens.safetensors"])
    head = telling_head(tokens, truth)
    val = TaggedTokens(tokens, 1 - labels if others else labels)
    seen: list[float] = []
    labeller, kept = learn_from_own_labels(
        head,
        TaggedTokens(tokens, labels),
        val,
        SETTINGS,
        seed=0,
        report=lambda _, metrics: seen.append(metrics["self_labelling/val_tag_likelihood"]),
    )
    assert len(set(seen)) == len(seen) == 6
    assert tag_likelihood(labeller, val) == max(seen) == seen[kept - 1]
    assert (kept < 3) == others, seen  # the more it learns, the worse it fits other labels


def test_a_likelihood_is_of_patches_whose_image_has_labels(tmp_path: Path) -> None:
    some = [torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 1, 2), torch.ones(1, 2, 5, 5)]
    write_tokens(tmp_path / "tokens.safetensors", some)
    tokens, labeller = StoredTokens([tmp_path / "tokens.safetensors"]), Labeller(2, 4)
    with torch.no_grad():
        labeller.conv.bias.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]).log())  # type: ignore[union-attr]
    labels = torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
    expected = (12 * np.log(0.3) + 2 * np.log(0.4)) / 14
    assert tag_likelihood(labeller, TaggedTokens(tokens, labels)) == pytest.approx(expected)
    assert tag_likelihood(labeller, TaggedTokens(tokens, 0 * labels)) == -np.inf

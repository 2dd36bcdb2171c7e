"""What ours is measured against computes the same."""

from __future__ import annotations

import pytest
import torch

from benchmarks.cases import Case, build
from benchmarks.training import passes
from benchmarks.yardsticks import BareViT, explicit_maps

CASE = Case("tiny", 64, 16, 5, 2)


@torch.inference_mode()
def test_bare_transformers_give_the_scores_and_maps_of_ours() -> None:
    built = build(CASE, "cpu", patch_head=False)
    scores, maps = built.model(built.images, return_attention=True)

    bare, kept = BareViT(built.model)(built.images)
    written_out, all_maps = explicit_maps(BareViT(built.model, explicit=True), built.images)

    assert not kept
    torch.testing.assert_close(bare, scores)
    torch.testing.assert_close(written_out, scores)
    torch.testing.assert_close(all_maps, maps.sum(dim=1).flatten(2))


@pytest.mark.parametrize("name", ["floor", "published", "default", "explicit"])
def test_every_step_trains(name: str) -> None:
    torch.manual_seed(0)
    step = passes(CASE, "cpu")[name]
    model = step.args[0]  # type: ignore[attr-defined]
    before = {key: value.clone() for key, value in model.state_dict().items()}

    step()

    after = model.state_dict()
    still = {key for key in before if torch.equal(before[key], after[key])}
    assert not {key for key in still if key.endswith("weight")}

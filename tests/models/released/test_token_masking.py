"""The model, gates and mask rule agree with the reference's own outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.golden import Golden, assert_close, read_golden
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from wsss.errors import UserError
from wsss.models import ClassTokenViT, import_release
from wsss.models.hidden import HiddenTokens
from wsss.pseudo_masks.filling import fill_nearest
from wsss.pseudo_masks.rules.paper import paint_above_mean
from wsss.pseudo_masks.rules.rule import UNPAINTED
from wsss.training.masking import draw_token_keep


def imported(golden: Golden) -> ClassTokenViT:
    return import_release(golden.state, golden.num_heads)


@pytest.fixture(scope="module", params=["token_masking_vit", "token_masking_vit_gated"])
def golden(request: pytest.FixtureRequest) -> Golden:
    return read_golden(request.param)


@torch.no_grad()
def test_probabilities_and_attention(golden: Golden) -> None:
    model, expected = imported(golden), golden.outputs
    logits, attention = model(expected["input"], return_attention=True)
    assert_close(logits.sigmoid(), expected["probabilities"])
    assert_close(attention.sum(dim=1), expected["class_attention"])
    tokens = model.encode(expected["input"]).layer_tokens[-1]
    assert_close(tokens, expected["class_tokens"])
    classes = model.num_classes
    rows = expected["layer_attention_head_mean"][:, :, :classes, classes:-1]
    assert_close(attention.flatten(3), rows.transpose(0, 1))


@torch.no_grad()
def test_probabilities_with_every_absent_token_masked(golden: Golden) -> None:
    keep = draw_token_keep(golden.outputs["labels"], 1.0, torch.Generator())
    probabilities = imported(golden)(
        golden.outputs["input"], hidden=HiddenTokens(keep, "output")
    ).sigmoid()
    assert_close(probabilities, golden.outputs["probabilities_all_absent_masked"])


@torch.no_grad()
def test_gates_and_their_penalty() -> None:
    golden = read_golden("token_masking_vit_gated")
    gates = imported(golden).gates
    assert gates is not None
    assert torch.equal(gates.hard(), golden.outputs["gates"])
    assert 0 < golden.outputs["gates"].sum() < golden.outputs["gates"].numel()
    assert_close(gates.soft(), golden.outputs["gates_soft"])
    assert_close(0.01 * gates.penalty().reshape(1), golden.outputs["l0_penalty_total"])


@torch.no_grad()
def test_lightning_prefix_changes_nothing(golden: Golden) -> None:
    prefixed = {f"model.{name}": value for name, value in golden.state.items()}
    model = import_release(prefixed, golden.num_heads)
    assert_close(model(golden.outputs["input"]).sigmoid(), golden.outputs["probabilities"])


@pytest.mark.parametrize(
    "name",
    [
        "mct.cls_token",
        "mct.register_token",
        "mct.pos_embed",
        "mct.patch_embed.proj.bias",
        "mct.blocks.0.mlp.fc1.weight",
        "mct.blocks.1.attn.proj.bias",
    ],
)
def test_a_missing_tensor_is_named(golden: Golden, name: str) -> None:
    rest = {n: v for n, v in golden.state.items() if n != name}
    with pytest.raises(UserError) as caught:
        import_release(rest, golden.num_heads)
    assert name.removeprefix("mct.") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_head_is_named_and_one_of_its_two_copies_is_enough(golden: Golden) -> None:
    inside = {n: v for n, v in golden.state.items() if not n.startswith("classifier_head_test")}
    import_release(inside, golden.num_heads)
    none = {n: v for n, v in golden.state.items() if "classifier_head_test" not in n}
    with pytest.raises(UserError, match=r"classifier_head_test\.weight"):
        import_release(none, golden.num_heads)


@pytest.mark.parametrize("case", range(6))
def test_mean_rule_before_filling(case: int) -> None:
    maps, probabilities, present, before, _ = _mask_case(case)
    painted = paint_above_mean(maps[present], probabilities[present])
    labels = np.array([*np.flatnonzero(present), UNPAINTED])
    assert np.array_equal(labels[painted], before)


@pytest.mark.parametrize("case", range(6))
def test_filled_pixels_take_a_label_at_minimal_distance(case: int) -> None:
    *_, before, after = _mask_case(case)
    filled = fill_nearest(before)
    holes = before == UNPAINTED
    assert np.array_equal(filled[~holes], before[~holes])
    nearest = distance_transform_edt(holes)
    ours = _distance_to_label(before, filled)
    assert np.array_equal(ours[holes], nearest[holes])
    assert (ours <= _distance_to_label(before, after)).all()
    assert (filled != UNPAINTED).all()


def _mask_case(
    case: int,
) -> tuple[
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.bool_],
    NDArray[np.int16],
    NDArray[np.int16],
]:
    arrays = {k: v.numpy() for k, v in read_golden("pseudo_mask_mean_rule").outputs.items()}
    return (
        arrays[f"case{case}.attention"],
        arrays[f"case{case}.probabilities"],
        arrays[f"case{case}.present"] > 0,
        arrays[f"case{case}.before_fill"].astype(np.int16),
        arrays[f"case{case}.after_fill"].astype(np.int16),
    )


def _distance_to_label(
    painted: NDArray[np.int16], labels: NDArray[np.int16]
) -> NDArray[np.float64]:
    """Of every pixel to the nearest painted pixel that has the label it was given."""
    distance = np.zeros(labels.shape)
    for label in np.unique(labels):
        chosen = labels == label
        distance[chosen] = distance_transform_edt(painted != label)[chosen]
    return distance

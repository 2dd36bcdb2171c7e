"""Imported MCTformer checkpoints give the reference's own outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.golden import Golden, assert_close, read_golden
from safetensors.torch import save_file
from torch import Tensor

from wsss.errors import UserError
from wsss.maps.affinity import spread
from wsss.models import ClassTokenViT, import_mctformer
from wsss.models.checkpoint import load_weights
from wsss.models.trace import block_inputs


@pytest.fixture(scope="module")
def golden() -> Golden:
    return read_golden("mctformer_plus")


@pytest.fixture(scope="module")
def model(golden: Golden) -> ClassTokenViT:
    return import_mctformer(golden.state, golden.num_heads)


def without(state: dict[str, Tensor], *beginnings: str) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if not name.startswith(beginnings)}


def version_2(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The layout before MCTformer+: one position embedding for all tokens."""
    positions = torch.cat([state["pos_embed_cls"], state["pos_embed_pat"]], dim=1)
    return without(state, "pos_embed") | {"pos_embed": positions}


@torch.no_grad()
def test_scores_tokens_and_maps_equal_the_reference(golden: Golden, model: ClassTokenViT) -> None:
    expected = golden.outputs
    scores = model.score(expected["input"], return_attention=True)
    assert scores.token_logits is not None and scores.patch_logits is not None
    assert_close(scores.token_logits, expected["class_token_logits"])
    assert_close(scores.patch_logits, expected["patch_logits"])
    assert_close(scores.logits, expected["logits"])
    assert_close(torch.stack(scores.encoded.layer_tokens), expected["class_tokens_per_layer"])
    assert scores.encoded.class_attention is not None and scores.patch_scores is not None
    attention = scores.encoded.class_attention.mean(dim=1)
    assert_close(attention, expected["class_attention_mean_over_layers"])
    assert_close(scores.patch_scores.relu(), expected["patch_cam"])
    assert_close((attention * scores.patch_scores.relu()).sqrt(), expected["fused"])


@torch.no_grad()
def test_affinity_is_the_mean_patch_attention(golden: Golden, model: ClassTokenViT) -> None:
    maps = golden.outputs["fused"]
    with block_inputs(model) as inputs:
        model(golden.outputs["input"])
    matrix = golden.outputs["patch_attention"].mean(dim=0)
    expected = torch.einsum("bij,bcj->bci", matrix, maps.flatten(2)).view_as(maps)
    assert_close(spread(model, inputs, maps), expected)


@torch.no_grad()
@pytest.mark.parametrize("prefix", ["module.", "model."])
def test_a_prefix_changes_nothing(golden: Golden, model: ClassTokenViT, prefix: str) -> None:
    prefixed = {prefix + name: value for name, value in golden.state.items()}
    images = golden.outputs["input"]
    assert torch.equal(import_mctformer(prefixed, golden.num_heads)(images), model(images))


@torch.no_grad()
def test_version_2_pools_the_same_scores_by_their_mean(
    golden: Golden, model: ClassTokenViT
) -> None:
    older = import_mctformer(version_2(golden.state), golden.num_heads)
    scores, plus = (m.score(golden.outputs["input"]) for m in (older, model))
    assert scores.patch_scores is not None and plus.patch_scores is not None
    assert torch.equal(scores.patch_scores, plus.patch_scores)
    assert scores.patch_logits is not None and scores.token_logits is not None
    torch.testing.assert_close(scores.patch_logits, scores.patch_scores.mean(dim=(2, 3)))


@torch.no_grad()
def test_version_1_has_class_tokens_alone(golden: Golden) -> None:
    state = without(version_2(golden.state), "head.")
    scores = import_mctformer(state, golden.num_heads).score(golden.outputs["input"])
    assert scores.patch_logits is None
    assert_close(scores.logits, golden.outputs["class_token_logits"])


@torch.no_grad()
def test_a_model_starts_from_a_release_file(
    golden: Golden, model: ClassTokenViT, tmp_path: Path
) -> None:
    save_file(golden.state, tmp_path / "plus.safetensors")
    fresh = ClassTokenViT(model.architecture)
    load_weights(fresh, tmp_path / "plus.safetensors")
    images = golden.outputs["input"]
    assert torch.equal(fresh.eval()(images), model(images))


def test_a_model_of_another_architecture_says_what_differs(golden: Golden, tmp_path: Path) -> None:
    save_file(golden.state, tmp_path / "plus.safetensors")
    sizes: dict[str, Any] = dict(image_size=32, patch_size=8, in_channels=3, num_classes=6)
    other = ClassTokenViT(**sizes, embed_dim=48, depth=3, num_heads=4, qkv_bias=True)
    with pytest.raises(UserError, match="another architecture: no tensor 'register_token'"):
        load_weights(other, tmp_path / "plus.safetensors")


@pytest.mark.parametrize(
    "name", ["cls_token", "pos_embed_cls", "patch_embed.proj.bias", "blocks.1.attn.qkv.bias"]
)
def test_a_missing_tensor_is_named(golden: Golden, name: str) -> None:
    with pytest.raises(UserError, match=name) as caught:
        import_mctformer(without(golden.state, name), golden.num_heads)
    assert "\n" not in str(caught.value)


def test_heads_that_do_not_divide_the_width(golden: Golden) -> None:
    with pytest.raises(UserError, match="num_heads 5"):
        import_mctformer(golden.state, 5)

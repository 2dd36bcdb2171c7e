"""The class-token ViT with the settings of published systems."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.small_vit import build, images
from torch import Tensor

from wsss.maps.class_maps import view_maps
from wsss.maps.config import AttentionConfig
from wsss.models import ClassTokenViT, HeadGates
from wsss.models.checkpoint import load_classifier, save_classifier
from wsss.models.input_spec import InputSpec
from wsss.models.pruning import remove_closed_heads
from wsss.models.trace import block_inputs
from wsss.training.loss_config import LossConfig
from wsss.training.losses import training_loss

VARIANTS: dict[str, dict[str, Any]] = {
    "token_masking": {},
    "mctformer_v1": dict(register_token=False, token_head="mean"),
    "mctformer_v2": dict(register_token=False, token_head="mean", patch_head="average"),
    "mctformer_plus": dict(register_token=False, token_head="mean", patch_head="ranked"),
    "sparse_vit": dict(class_tokens="shared", register_token=False),
    "cam": dict(
        class_tokens="shared", register_token=False, token_head="none", patch_head="average"
    ),
}
SOURCES = {
    "token_masking": ["attention"],
    "mctformer_v1": ["attention"],
    "mctformer_v2": ["attention", "patch_cam", "fused"],
    "mctformer_plus": ["attention", "patch_cam", "fused"],
    "sparse_vit": ["clusters"],
    "cam": ["patch_cam"],
}
PAIRS = [(name, source) for name, sources in SOURCES.items() for source in sources]
LABELS = torch.tensor([[1.0, 0, 0, 0, 1], [0, 0, 1, 0, 0]])
every_variant = pytest.mark.parametrize("name", VARIANTS)


def maps_config(source: str, **changes: Any) -> AttentionConfig:
    plain = AttentionConfig(source, False, "open", "all", "sum", None, [1.0], False, 2)
    return replace(plain, **changes)


def loss(model: ClassTokenViT, config: LossConfig) -> Tensor:
    scores = model.score(images(2, 3, 16, 16), return_attention=config.diversity > 0)
    return training_loss(scores, LABELS, multi_label=True, config=config)


@every_variant
def test_every_parameter_learns_from_the_loss(name: str) -> None:
    """No weight that maps or scores depend on keeps its initial value."""
    model = build(**VARIANTS[name])
    torch.autograd.backward(loss(model, LossConfig(diversity=0.0, contrast=0.0)))
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


@torch.no_grad()
@every_variant
def test_tokens_are_those_of_classes_and_patches_and_the_register(name: str) -> None:
    variant = VARIANTS[name]
    model, x = build(**variant), images(2, 3, 16, 16)
    classes = 1 if variant.get("class_tokens") == "shared" else 5
    register = variant.get("register_token", True)
    with block_inputs(model) as inputs:
        encoded = model.encode(x, return_attention=True)
    assert {tokens.shape for tokens in inputs} == {(2, classes + 16 + register, 24)}
    assert {tokens.shape for tokens in encoded.layer_tokens} == {(2, classes, 24)}
    assert encoded.class_attention is not None
    assert encoded.class_attention.shape == (2, 3, classes, 4, 4)


@torch.no_grad()
@every_variant
def test_positions_are_interpolated_at_another_image_size(name: str) -> None:
    """One that is the same at all patches stays so, and those of other tokens stay as they are."""
    model, other = build(**VARIANTS[name]), build(image_size=(24, 8), **VARIANTS[name])
    classes = model.num_class_tokens
    at = model.pos_embed[:, classes : classes + 1].clone()
    before, after = model.pos_embed[:, :classes], model.pos_embed[:, classes + 16 :]
    state = model.state_dict()
    for this, patches in ((model, 16), (other, 12)):
        positions = torch.cat([before, at.expand(-1, patches, -1), after], dim=1)
        this.load_state_dict(state | {"pos_embed": positions})
    x = images(2, 3, 24, 8)
    torch.testing.assert_close(model(x), other(x), rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(("name", "source"), PAIRS)
@pytest.mark.parametrize("affinity", [False, True])
def test_maps_of_every_source(name: str, source: str, affinity: bool) -> None:
    model, x = build(**VARIANTS[name]), images(2, 3, 24, 16)
    logits, maps = view_maps(model, x, maps_config(source, affinity=affinity))
    assert logits.shape == (2, 5) and maps.shape == (2, 5, 6, 4)
    assert torch.equal(logits, model(x))
    assert maps.isfinite().all() and maps.min() >= 0
    assert maps.flatten(1).std(dim=1).min() > 0


@torch.no_grad()
def test_fused_maps_are_the_root_of_the_product() -> None:
    model, x = build(**VARIANTS["mctformer_v2"]), images(2, 3, 16, 16)
    maps = {s: view_maps(model, x, maps_config(s))[1] for s in SOURCES["mctformer_v2"]}
    expected = (maps["attention"] * maps["patch_cam"]).sqrt()
    torch.testing.assert_close(maps["fused"], expected)
    for method in ("sum", "rollout"):
        rolled = view_maps(model, x, maps_config("fused", method=method))[1]
        assert torch.equal(rolled, maps["fused"]) == (method == "sum")


@torch.no_grad()
def test_a_mean_token_head_scores_each_class_by_its_own_token() -> None:
    model, x = build(**VARIANTS["mctformer_v1"]), images(2, 3, 16, 16)
    tokens = model.encode(x).layer_tokens[-1]
    assert torch.equal(model(x), tokens.mean(dim=-1))


@torch.no_grad()
def test_a_patch_head_changes_neither_token_scores_nor_attention() -> None:
    model, x = build(**VARIANTS["mctformer_v2"]), images(2, 3, 16, 16)
    without = build(**VARIANTS["mctformer_v1"])
    state = {n: v for n, v in model.state_dict().items() if not n.startswith("patch_head")}
    without.load_state_dict(state)
    scores, plain = (m.score(x, return_attention=True) for m in (model, without))
    assert scores.token_logits is not None and plain.token_logits is not None
    torch.testing.assert_close(scores.token_logits, plain.token_logits)
    assert scores.encoded.class_attention is not None
    assert plain.encoded.class_attention is not None
    torch.testing.assert_close(scores.encoded.class_attention, plain.encoded.class_attention)
    assert scores.patch_logits is not None
    torch.testing.assert_close(scores.logits, (scores.token_logits + scores.patch_logits) / 2)


@torch.no_grad()
@every_variant
def test_closed_heads_are_taken_out_of_every_variant(name: str) -> None:
    model, x = build(**VARIANTS[name]), images(2, 3, 16, 16)
    gates = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 0]])
    smaller = remove_closed_heads(model, gates)
    torch.testing.assert_close(smaller(x), model(x, gates=gates))


@torch.no_grad()
@every_variant
@pytest.mark.parametrize("keep", ["no gates", None, 7])
def test_a_saved_classifier_comes_back(name: str, keep: int | str | None, tmp_path: Path) -> None:
    model, x = build(**VARIANTS[name]), images(2, 3, 16, 16)
    if not isinstance(keep, str):
        model.gates = HeadGates(3, 4, keep=keep)
        model.gates.log_a.copy_(torch.randn(3, 4, generator=torch.Generator().manual_seed(3)))
    spec = InputSpec(list("abcde"), list("rgb"), [0.0] * 3, [1.0] * 3, 16, "resize", True)
    save_classifier(tmp_path, model, spec)
    loaded, loaded_spec = load_classifier(tmp_path)
    assert loaded_spec == spec
    assert torch.equal(loaded(x), model(x))
    if model.gates is None:
        assert loaded.gates is None
    else:
        assert loaded.gates is not None
        assert torch.equal(loaded.gates.hard(), model.gates.hard())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(token_head="none"), "token_head and model.patch_head are both none"),
        (
            dict(token_head="mean", class_tokens="shared"),
            "mean needs model.class_tokens",
        ),
        (dict(class_tokens="two"), "class_tokens is 'two'; valid: per_class, shared"),
        (dict(token_head="sum"), "token_head is 'sum'; valid: linear, mean, none"),
        (dict(patch_head="max"), "patch_head is 'max'; valid: none, average, ranked"),
    ],
)
def test_incompatible_parts_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**changes)

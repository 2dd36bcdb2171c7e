from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from helpers.small_vit import SquaresSeen, build, images
from helpers.training_modules import classifier_training, pruning_after
from torch import Tensor

from wsss.errors import UserError
from wsss.models import ClassTokenViT, HeadGates
from wsss.models.block import Block
from wsss.models.build import ModelConfig, build_classifier
from wsss.models.freezing import freeze_encoder
from wsss.models.hidden import HiddenTokens
from wsss.models.patch_embed import PatchEmbed
from wsss.training.losses import classification_loss


def explicit(model: ClassTokenViT, x: Tensor, gates: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Logits and attention ``[L, B, T, T]`` from the full matrices, as in the textbook."""
    assert isinstance(model.patch_embed, PatchEmbed)
    proj = model.patch_embed.proj
    patches = F.conv2d(x, proj.weight, proj.bias, stride=model.patch_size).flatten(2).mT
    batch = len(x)
    assert model.register_token is not None and model.classifier is not None
    parts = [model.cls_token.expand(batch, -1, -1), patches]
    tokens = torch.cat([*parts, model.register_token.expand(batch, -1, -1)], 1) + model.pos_embed
    every: list[Tensor] = []
    for layer, block in enumerate(model.blocks):
        assert isinstance(block, Block)
        heads = model.num_heads[layer]
        qkv = block.attn.qkv(block.norm1(tokens))
        q, k, v = qkv.reshape(batch, -1, 3, heads, model.architecture.head_dim).permute(
            2, 0, 3, 1, 4
        )
        attention = (q @ k.mT / model.architecture.head_dim**0.5).softmax(dim=-1)
        out = attention @ v
        if gates is not None:
            out = out * gates[layer].view(1, heads, 1, 1)
        tokens = tokens + block.attn.proj(out.transpose(1, 2).flatten(2))
        tokens = tokens + block.mlp(block.norm2(tokens))
        every.append(attention.mean(dim=1))
    logits = model.classifier(tokens[:, : model.num_classes].flatten(1))
    return logits, torch.stack(every)


@torch.no_grad()
@pytest.mark.parametrize(("num_heads", "gated"), [(4, False), (4, True), ([4, 1, 3], False)])
@pytest.mark.parametrize("qkv_bias", [False, True])
def test_equals_the_explicit_formulation(num_heads: Any, gated: bool, qkv_bias: bool) -> None:
    model = build(num_heads=num_heads, head_dim=6, qkv_bias=qkv_bias)
    x = images(2, 3, 16, 16)
    gates = torch.rand(3, 4, generator=torch.Generator().manual_seed(3)) if gated else None
    logits, full = explicit(model, x, gates)
    out = model(x, return_attention=True, gates=gates)
    torch.testing.assert_close(out.logits, logits, rtol=1e-4, atol=1e-5)
    rows = full[:, :, :5, 5:-1].transpose(0, 1).reshape(2, 3, 5, 4, 4)
    torch.testing.assert_close(out.class_attention, rows, rtol=0, atol=1e-5)
    assert rows.std() > 0.01  # the case is not one of uniform attention


@torch.no_grad()
def test_asking_for_maps_does_not_change_the_scores() -> None:
    model, x = build(), images(2, 3, 16, 16)
    assert torch.equal(model(x), model(x, return_attention=True).logits)


@torch.no_grad()
def test_a_block_for_some_queries_equals_the_whole_block() -> None:
    block, tokens = build().blocks[-1], images(2, 22, 24)
    some, rows = block(tokens, num_queries=5, num_rows=5)
    whole, all_rows = block(tokens, num_rows=22)
    torch.testing.assert_close(some, whole[:, :5], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(rows, all_rows[:, :5], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(all_rows.sum(-1), torch.ones(2, 22))


@torch.no_grad()
@pytest.mark.parametrize("bands", [1, 2, 13])
@pytest.mark.parametrize("classes", [1, 8])
def test_rectangles_bands_and_classes(bands: int, classes: int) -> None:
    model = build(image_size=(12, 40), patch_size=(4, 8), in_channels=bands, num_classes=classes)
    x = images(2, bands, 12, 40)
    out = model(x, return_attention=True)
    assert out.logits.shape == (2, classes)
    assert out.class_attention.shape == (2, 3, classes, 3, 5)
    torch.testing.assert_close(out.logits, explicit(model, x)[0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_other_image_sizes_interpolate_positions() -> None:
    model = build()
    out = model(images(1, 3, 24, 8), return_attention=True)
    assert out.class_attention.shape == (1, 3, 5, 6, 2)
    # A position embedding that is the same everywhere stays so at any size.
    model.pos_embed[:, 5:-1] = model.pos_embed[:, 5:6]
    other = build(image_size=(24, 8))
    state = model.state_dict()
    everywhere = state["pos_embed"][:, 5:6].expand(-1, 12, -1)
    state["pos_embed"] = torch.cat(
        [state["pos_embed"][:, :5], everywhere, state["pos_embed"][:, -1:]], 1
    )
    other.load_state_dict(state)
    x = images(2, 3, 24, 8)
    torch.testing.assert_close(model(x), other(x), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_hidden_tokens_are_zero_at_the_output() -> None:
    model, x = build(), images(2, 3, 16, 16)
    keep = torch.tensor([[1.0, 0, 1, 0, 0], [0, 0, 0, 0, 0]])
    assert model.classifier is not None
    tokens = model.encode(x).layer_tokens[-1].clone()
    tokens[keep == 0] = 0
    logits = model(x, hidden=HiddenTokens(keep, "output"))
    torch.testing.assert_close(logits, model.classifier(tokens.flatten(1)))
    torch.testing.assert_close(logits[1], model.classifier.bias)
    assert torch.equal(model(x, hidden=HiddenTokens(torch.ones(2, 5), "output")), model(x))


@pytest.mark.parametrize("training", [False, True])
def test_no_tensor_of_tokens_by_tokens(training: bool) -> None:
    model, x = build(image_size=64, num_classes=3), images(1, 3, 64, 64)
    with SquaresSeen(tokens=256) as watch, torch.set_grad_enabled(training):
        out = model(x, return_attention=True)
        if training:
            torch.autograd.backward(out.logits.sum())
    assert out.class_attention.shape[-2:] == (16, 16)
    assert watch.found == []
    with SquaresSeen(tokens=256) as watch, torch.no_grad():
        explicit(model, x)
    assert watch.found  # the watch does see such tensors


def test_encoder_has_timm_names() -> None:
    names = set(build(qkv_bias=True).state_dict())
    block = [f"{layer}.{part}" for layer in ("norm1", "norm2") for part in ("weight", "bias")]
    block += [
        f"{layer}.{part}"
        for layer in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
        for part in ("weight", "bias")
    ]
    encoder = {f"blocks.{index}.{name}" for index in range(3) for name in block}
    encoder |= {"cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"}
    assert names == encoder | {"register_token", "classifier.weight", "classifier.bias"}


def test_the_generator_alone_decides_the_weights() -> None:
    def weights(seed: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return ClassTokenViT(
            image_size=8,
            patch_size=4,
            in_channels=2,
            num_classes=3,
            embed_dim=8,
            depth=1,
            num_heads=2,
            generator=generator,
        ).state_dict()

    first = weights(0)
    torch.manual_seed(99)
    again, other = weights(0), weights(1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["cls_token"], other["cls_token"])


@pytest.mark.parametrize("multi_label", [True, False])
def test_every_parameter_learns_from_the_loss(multi_label: bool) -> None:
    model = build(qkv_bias=True)
    labels = torch.tensor([[1.0, 0, 0, 0, 0], [0, 0, 1, 0, 0]])
    torch.autograd.backward(classification_loss(model(images(2, 3, 16, 16)), labels, multi_label))
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


@pytest.mark.filterwarnings("ignore:.*self.trainer.*")
def test_gates_and_weights_learn_in_gate_training() -> None:
    model = build()
    model.gates = HeadGates(3, 4, initial_log_a=0.0)
    module = classifier_training(model, gate_training=pruning_after(penalty=0.0))
    batch = {"image": images(2, 3, 16, 16), "labels": torch.eye(5)[:2]}
    torch.autograd.backward(module.training_step(batch, 0))
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 18}, "image size .*18.* patch size .*4"),
        ({"image_size": (16, 18)}, "image size"),
        ({"patch_size": (4, 5)}, "patch size"),
        ({"embed_dim": 25}, "embed_dim 25 is no multiple of num_heads 4"),
        ({"num_heads": [4, 4]}, "num_heads gives 2 layers, depth is 3"),
    ],
)
def test_sizes_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_images_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"image size \(16, 18\).*patch size \(4, 4\)"):
        build()(images(1, 3, 16, 18))


def test_a_config_that_does_not_fit_names_the_model() -> None:
    config = ModelConfig(
        name="mini",
        patch_size=8,
        embed_dim=30,
        depth=2,
        num_heads=4,
        init_from=None,
        pretrained=None,
        frozen=False,
        encoder="own",
        normalisation="dataset",
    )
    sizes: dict[str, Any] = dict(image_size=32, in_channels=3, num_classes=2)
    with pytest.raises(UserError, match="model=mini: embed_dim 30 is no multiple"):
        build_classifier(config, **sizes, generator=torch.Generator())


def test_a_frozen_encoder_leaves_the_heads_to_train() -> None:
    plain = build(
        class_tokens="shared", register_token=False, token_head="none", patch_head="compete"
    )
    freeze_encoder(plain)
    trained = {n for n, p in plain.named_parameters() if p.requires_grad}
    assert trained == {"patch_head.conv.weight", "patch_head.conv.bias"}
    own = build(final_norm=True)
    freeze_encoder(own)
    trained = {n for n, p in own.named_parameters() if p.requires_grad}
    assert trained == {"cls_token", "register_token", "classifier.weight", "classifier.bias"}

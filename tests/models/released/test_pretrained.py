"""Weights of other vision transformers, against the libraries that they come from."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from wsss.errors import UserError
from wsss.models import ClassTokenViT
from wsss.models.released.pretrained import adapt_bands, load_pretrained
from wsss.models.released.pretrained_names import encoder_weights
from wsss.models.weights import pretrained_file

RGB = ["red", "green", "blue"]
SIZES: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}


def vit(transformers: Any) -> Any:
    return transformers.ViTModel(transformers.ViTConfig(**SIZES, intermediate_size=48))


def mae(transformers: Any) -> Any:
    config = transformers.ViTMAEConfig(**SIZES, intermediate_size=48, mask_ratio=0.0)
    return transformers.ViTMAEModel(config)


def dinov2(transformers: Any) -> Any:
    return transformers.Dinov2Model(transformers.Dinov2Config(**SIZES, mlp_ratio=2))


FAMILIES: dict[str, Callable[[Any], Any]] = {"vit": vit, "mae": mae, "dinov2": dinov2}


@pytest.fixture(scope="module", params=FAMILIES)
def theirs(request: pytest.FixtureRequest) -> Any:
    """A model with random weights, every one of which counts."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model = FAMILIES[request.param](transformers).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2)
    return model


@pytest.fixture(scope="module")
def directory(theirs: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(type(theirs).__name__)
    theirs.save_pretrained(path)
    return path


def ours(**changes: Any) -> ClassTokenViT:
    sizes: dict[str, Any] = {
        "image_size": 32,
        "patch_size": 8,
        "in_channels": 3,
        "num_classes": 5,
        "embed_dim": 24,
        "depth": 3,
        "num_heads": 4,
        "mlp_ratio": 2.0,
        "qkv_bias": True,
        "norm_eps": 1e-12,
    }
    generator = torch.Generator().manual_seed(1)
    return ClassTokenViT(**(sizes | changes), generator=generator).eval()


@torch.no_grad()
def features(model: ClassTokenViT, images: Tensor) -> Tensor:
    """Tokens after the last block of what a plain ViT has: one class token and the patches."""
    tokens = torch.cat(
        [model.cls_token[:, :1].expand(len(images), -1, -1), *[model.patch_embed(images)]], dim=1
    )
    classes = model.num_classes
    tokens = tokens + torch.cat([model.pos_embed[:, :1], model.pos_embed[:, classes:-1]], dim=1)
    for block in model.blocks:
        tokens, _ = block(tokens)
    return tokens


@torch.no_grad()
def hidden(model: Any, images: Tensor) -> Tensor:
    """The same of a Hugging Face model, before its final norm."""
    order: dict[str, Any] = {}
    if type(model).__name__ == "ViTMAEModel":  # shuffles patches by this noise
        order["noise"] = torch.arange(16.0).expand(len(images), -1)
    normalised = model(images, **order).last_hidden_state
    (norm,) = [m for name, m in model.named_modules() if name == "layernorm"]
    inputs: list[Tensor] = []
    handle = norm.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    model(images, **order)
    handle.remove()
    assert torch.equal(norm(inputs[0]), normalised)
    return inputs[0]


def test_token_features_equal_those_of_the_source(theirs: Any, directory: Path) -> None:
    model = ours(norm_eps=theirs.config.layer_norm_eps)
    report = load_pretrained(model, directory, RGB)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(features(model, images), hidden(theirs, images), atol=2e-5)
    assert report.fresh == ["classifier.bias", "classifier.weight", "register_token"]
    assert {"norm.weight", "norm.bias"} <= set(report.unused)
    assert all(torch.equal(model.cls_token[:, 0], model.cls_token[:, c]) for c in range(5))
    assert (model.pos_embed[:, -1] == 0).all()


@torch.no_grad()
def test_a_plain_encoder_with_final_norm_is_the_whole_model_of_the_source(
    theirs: Any, directory: Path
) -> None:
    model = ours(
        norm_eps=theirs.config.layer_norm_eps,
        class_tokens="shared",
        register_token=False,
        token_head="none",
        patch_head="compete",
        final_norm=True,
    )
    report = load_pretrained(model, directory, RGB)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    order: dict[str, Any] = {}
    if type(theirs).__name__ == "ViTMAEModel":  # shuffles patches by this noise
        order["noise"] = torch.arange(16.0).expand(len(images), -1)
    expected = theirs(images, **order).last_hidden_state
    encoded = model.encode(images)
    assert encoded.patches is not None
    tokens = torch.cat([encoded.layer_tokens[-1], encoded.patches.flatten(2).mT], dim=1)
    assert torch.allclose(tokens, expected, atol=2e-5)
    assert report.fresh == ["patch_head.conv.bias", "patch_head.conv.weight"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda w: w,
        lambda w: {"model": w, "args": Namespace(lr=1.0)},
        lambda w: {"state_dict": {f"module.base_encoder.{n}": v for n, v in w.items()}},
        lambda w: {"teacher": {f"backbone.{n}": v for n, v in w.items()}, "epoch": 3},
        lambda w: {"student": {f"module.backbone.{n}": v for n, v in w.items()}},
        lambda w: w | {"decoder_pos_embed": torch.zeros(1, 17, 8), "mask_token": torch.zeros(1)},
        lambda w: (
            {f"momentum_encoder.{n}": torch.zeros_like(v) for n, v in w.items()}
            | {f"base_encoder.{n}": v for n, v in w.items()}
        ),
    ],
    ids=["plain", "mae", "moco", "dino", "student", "decoder", "two encoders"],
)
def test_files_of_training_scripts(
    wrap: Callable[[dict[str, Tensor]], Any], directory: Path, tmp_path: Path
) -> None:
    plain = encoder_weights(load_file(directory / "model.safetensors"))
    torch.save(wrap(plain), tmp_path / "weights.pth")
    direct, wrapped = ours(), ours()
    load_pretrained(direct, directory, RGB)
    load_pretrained(wrapped, tmp_path / "weights.pth", RGB)
    for name, value in direct.state_dict().items():
        assert torch.equal(value, wrapped.state_dict()[name]), name


def test_another_grid_and_patch_size_are_interpolated(directory: Path) -> None:
    model = ours(image_size=48, patch_size=4)
    report = load_pretrained(model, directory, RGB)
    assert report.adapted["pos_embed"] == "4 x 4 to 12 x 12"
    assert report.adapted["patch_embed.proj.weight"] == "patch 8 to 4"


def test_a_patch_of_another_size_gives_a_token_of_the_same_size(
    directory: Path, tmp_path: Path
) -> None:
    plain = encoder_weights(load_file(directory / "model.safetensors"))
    plain["patch_embed.proj.weight"] = torch.randn(24, 3, 1, 1).expand(-1, -1, 8, 8).contiguous()
    save_file(plain, tmp_path / "flat.safetensors")
    same, smaller = ours(), ours(patch_size=4)
    load_pretrained(same, tmp_path / "flat.safetensors", RGB)
    load_pretrained(smaller, tmp_path / "flat.safetensors", RGB)
    constant = torch.ones(1, 3, 8, 8)
    expected = same.patch_embed(constant)[0, 0]
    assert torch.allclose(smaller.patch_embed(constant)[0, 0], expected, rtol=1e-4, atol=1e-4)


def test_a_second_token_before_the_patches_is_not_taken_for_one(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.DeiTModel(transformers.DeiTConfig(**SIZES, intermediate_size=48))
    theirs.embeddings.position_embeddings.data.copy_(torch.randn(1, 18, 24))
    theirs.save_pretrained(tmp_path)
    model = ours()
    report = load_pretrained(model, tmp_path, RGB)
    assert torch.equal(model.pos_embed[:, 5:-1], theirs.embeddings.position_embeddings[:, 2:])
    assert "distillation_token" in report.unused


def test_registers_give_the_register_token(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.Dinov2WithRegistersConfig(**SIZES, mlp_ratio=2, num_register_tokens=2)
    theirs = transformers.Dinov2WithRegistersModel(config)
    theirs.embeddings.register_tokens.data.normal_()
    theirs.save_pretrained(tmp_path)
    model = ours()
    report = load_pretrained(model, tmp_path, RGB)
    assert model.register_token is not None
    assert torch.equal(model.register_token, theirs.embeddings.register_tokens[:, :1])
    assert "register_token" not in report.fresh


def test_bands_keep_the_kernels_that_are_theirs() -> None:
    weight = torch.arange(3.0).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    swapped, how = adapt_bands(weight, RGB, ["blue", "green", "red"])
    assert swapped[0, :, 0, 0].tolist() == [2, 1, 0] and how == "bands reordered"
    more, how = adapt_bands(weight, RGB, ["B2", "B3", "B4", "B8"])
    assert more[0, :, 0, 0].tolist() == pytest.approx([v * 3 / 4 for v in (2, 1, 0, 1)])
    assert how == "3 of 3 bands kept, mean kernel for B8"
    fewer, how = adapt_bands(weight, RGB, ["green"])
    assert fewer[0, :, 0, 0].tolist() == [3] and how == "1 of 3 bands kept"
    ones = torch.ones(1, 13, 2, 2)
    names = [f"B{i}" for i in range(13)]
    assert float(adapt_bands(ones, names, names[:5])[0].sum()) == pytest.approx(float(ones.sum()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"depth": 2}, ["2 blocks, the checkpoint 3", "model.depth"]),
        ({"depth": 4}, ["has no blocks.3"]),
        ({"embed_dim": 16}, ["24 wide", "the model 16 (model.embed_dim)"]),
        ({"mlp_ratio": 4.0}, [".mlp.", "model.mlp_ratio"]),
        ({"qkv_bias": False}, ["model.qkv_bias=true"]),
    ],
)
def test_another_size_is_refused_and_nothing_loaded(
    changes: dict[str, Any], words: list[str], directory: Path
) -> None:
    model = ours(**changes)
    before = {n: v.clone() for n, v in model.state_dict().items()}
    with pytest.raises(UserError) as caught:
        load_pretrained(model, directory, RGB)
    assert all(word in str(caught.value) for word in [*words, "model.pretrained"])
    assert all(torch.equal(v, before[n]) for n, v in model.state_dict().items())


def test_what_is_no_vision_transformer_is_refused(tmp_path: Path) -> None:
    save_file({"conv1.weight": torch.zeros(3)}, tmp_path / "resnet.safetensors")
    with pytest.raises(UserError, match=r"resnet\.safetensors: no class token"):
        load_pretrained(ours(), tmp_path / "resnet.safetensors", RGB)
    with pytest.raises(UserError, match=r"without model\.safetensors"):
        pretrained_file(tmp_path)

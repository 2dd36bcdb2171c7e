"""Encoders of the library transformers, against its own forward pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.library_encoders import PATCH, WIDTH, network, published, tokens
from safetensors.torch import load_file, save_file

from wsss.config.composing import compose_config
from wsss.errors import UserError
from wsss.models import ClassTokenViT
from wsss.models.build import ModelConfig
from wsss.models.checkpoint import load_classifier, save_classifier
from wsss.models.input_spec import InputSpec
from wsss.models.library_description import FAMILIES
from wsss.models.library_encoder import LibraryEncoder
from wsss.models.released.library import describe, load_library

RGB = ["red", "green", "blue"]


def settings(directory: Path, *overrides: str) -> ModelConfig:
    sizes = (f"model.embed_dim={WIDTH}", f"model.patch_size={PATCH}", "pruning=none")
    given = ("model=transformers", f"model.pretrained={directory}", *sizes, *overrides)
    return compose_config(*given, "attention.max_side=null").model


def loaded(directory: Path, bands: list[str], **changes: Any) -> ClassTokenViT:
    sizes: dict[str, Any] = {
        **{"image_size": 32, "patch_size": PATCH, "in_channels": len(bands), "num_classes": 5},
        **{"embed_dim": WIDTH, "depth": 0, "num_heads": 4, "class_tokens": "shared"},
        **{"register_token": False, "token_head": "none", "patch_head": "compete"},
    }
    encoder = describe(settings(directory, "model.normalisation=dataset"), bands)
    model = ClassTokenViT(**(sizes | changes), encoder=encoder).eval()
    load_library(model, directory, bands)
    return model


@pytest.fixture(scope="module")
def dinov3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published("dinov3_vit", tmp_path_factory.mktemp("dinov3"))


@pytest.mark.parametrize("kind", FAMILIES)
def test_tokens_are_those_of_the_library(kind: str, tmp_path: Path) -> None:
    theirs = network(kind)
    theirs.save_pretrained(tmp_path)
    model = loaded(tmp_path, ["blue", "green", "red"])
    for size in ((32, 32), (24, 40)):
        images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
        patches = model.train().encode(images.flip(1)).patches  # dropout never counts
        assert patches is not None
        expected = tokens(theirs, images)[:, -patches[0, 0].numel() :]
        torch.testing.assert_close(patches.flatten(2).mT, expected)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_of_images_and_texts_the_encoder_of_images_is_read(kind: str, tmp_path: Path) -> None:
    published(f"{kind}_vision_model", tmp_path)
    expected = loaded(tmp_path, RGB).state_dict()
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": kind, "vision_config": json.loads(path.read_text())}))
    state = load_file(tmp_path / "model.safetensors")
    bare = {name.removeprefix("vision_model."): value for name, value in state.items()}
    whole = {f"vision_model.{name}": value for name, value in bare.items()}
    save_file(whole | {"text_model.weight": torch.ones(2)}, tmp_path / "model.safetensors")
    found = loaded(tmp_path, RGB).state_dict()
    names = [name for name in found if name.startswith("patch_embed.")]
    assert names and all(torch.equal(found[name], expected[name]) for name in names)


def test_class_tokens_join_the_patches_for_blocks_of_ours(dinov3: Path, tmp_path: Path) -> None:
    changes = {"class_tokens": "per_class", "token_head": "linear", "patch_head": "none"}
    model = loaded(dinov3, RGB, depth=2, register_token=True, final_norm=True, **changes)
    images = torch.randn(2, 3, 24, 40)
    output = model(images, return_attention=True)
    assert output.logits.shape == (2, 5) and output.class_attention.shape == (2, 2, 5, 3, 5)
    spec = InputSpec(list("abcde"), RGB, [0.0] * 3, [1.0] * 3, 32, "pad", True)
    save_classifier(tmp_path, model, spec)
    again, _ = load_classifier(tmp_path)  # without the published directory
    torch.testing.assert_close(again(images), output.logits)


def test_the_random_state_of_others_is_left_alone(dinov3: Path) -> None:
    description = describe(settings(dinov3), RGB)
    torch.manual_seed(3)
    LibraryEncoder(description).load(load_file(dinov3 / "model.safetensors"))
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"model_type": "bert"}, ["model_type is 'bert'", "dinov3_vit", "siglip"]),
        ({"model_type": "clip"}, ["no vision_config"]),
        ({"model_type": ["vit"]}, ["model_type", "valid"]),
        ({"hidden_size": 48}, ["set model.embed_dim=48"]),
        ({"hidden_size": "wide"}, ["model.pretrained", "hidden_size"]),
        ({"hidden_size": 2**40}, ["model.pretrained"]),
        ({"intermediate_size": 2**60}, ["model.pretrained"]),
        ({"num_hidden_layers": 2**40}, ["num_hidden_layers", "1000"]),
        ({"num_register_tokens": 2**40}, ["describes", "fewer bytes"]),
        ({"patch_size": 0}, ["model.pretrained"]),
        ({"num_attention_heads": 0}, ["model.pretrained"]),
        ({"num_attention_heads": 3}, ["model.pretrained"]),
        ({"layer_norm_eps": -1.0}, ["model.pretrained", "config.json"]),
        ({"hidden_act": "os.system"}, ["model.pretrained"]),
        ({"num_channels": 5}, ["5 bands"]),
        ({"num_channels": 2}, ["needs VV, VH", "red, green, blue"]),
        ({"num_hidden_layers": 3}, ["it has no", "missing"]),
        ({"intermediate_size": 40}, ["model.pretrained"]),
    ],
)
def test_a_wrong_description_is_named(
    changed: dict[str, Any], words: list[str], dinov3: Path, tmp_path: Path
) -> None:
    for path in dinov3.iterdir():
        (tmp_path / path.name).symlink_to(path)  # as in a cache
    written = json.loads((dinov3 / "config.json").read_text()) | changed
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps(written))
    with pytest.raises(UserError) as caught:
        loaded(tmp_path, RGB)
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def test_the_normalisation_of_pretraining_is_asked_for(dinov3: Path, tmp_path: Path) -> None:
    for path in dinov3.iterdir():
        (tmp_path / path.name).symlink_to(path)
    half = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(half))
    with pytest.raises(UserError, match=r"set model\.normalisation=half"):
        describe(settings(tmp_path), RGB)
    describe(settings(tmp_path, "model.normalisation=half"), RGB)
    describe(settings(tmp_path, "model.normalisation=dataset"), RGB)
    odd = json.dumps(half | {"image_mean": [0.1, 0.2, 0.3]})
    (tmp_path / "preprocessor_config.json").write_text(odd)
    with pytest.raises(UserError, match=r"unknown; set model\.normalisation=dataset"):
        describe(settings(tmp_path), RGB)


def test_a_patch_may_be_given_by_both_sides(dinov3: Path, tmp_path: Path) -> None:
    for path in dinov3.iterdir():
        (tmp_path / path.name).symlink_to(path)
    written = json.loads((dinov3 / "config.json").read_text()) | {"patch_size": [PATCH, PATCH]}
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps(written))
    assert describe(settings(tmp_path), RGB) == describe(settings(dinov3), RGB)


def test_a_link_in_a_circle_is_named(dinov3: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").symlink_to(tmp_path / "config.json")
    with pytest.raises(UserError, match="link"):
        describe(settings(tmp_path), RGB)


def test_no_weight_is_trained_that_no_score_depends_on(dinov3: Path) -> None:
    model = loaded(dinov3, RGB)
    model(torch.randn(2, 3, 32, 32)).sum().backward()
    assert all(w.grad is not None for w in model.parameters() if w.requires_grad)


def test_nothing_of_a_description_is_followed(dinov3: Path, tmp_path: Path) -> None:
    for path in dinov3.iterdir():
        (tmp_path / path.name).symlink_to(path)
    written = json.loads((dinov3 / "config.json").read_text())
    written |= {"auto_map": {"AutoModel": "code.Evil"}, "attn_implementation": "org/kernel"}
    written |= {"quantization_config": {"quant_method": "bitsandbytes"}, "dtype": "float16"}
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps(written))
    encoder = describe(settings(tmp_path), RGB)
    assert not {"auto_map", "attn_implementation", "quantization_config", "dtype"} & set(encoder)
    assert next(loaded(tmp_path, RGB).patch_embed.parameters()).dtype == torch.float32


def test_a_file_alone_is_not_enough(dinov3: Path) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        describe(settings(dinov3 / "model.safetensors"), RGB)

"""Every YAML file below conf/ composes, fits its dataclass and builds what it describes."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.library_encoders import published
from helpers.options import CONF, EXPERIMENTS, OPTIONS
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from wsss.config.parsing import parse_config, plain_values
from wsss.config.schema import GROUPS, Config
from wsss.data.types import SPLITS
from wsss.engine.registry import choose_stages
from wsss.errors import UserError
from wsss.maps.config import layer_numbers
from wsss.models.input_spec import InputSpec
from wsss.models.segmenter import build_segmenter
from wsss.models.segmenter_config import EncoderSegmenterConfig, UNetConfig
from wsss.stages.classifier import build
from wsss.stages.truth import reported_split
from wsss.training.optimizers import build_optimizer
from wsss.training.schedulers import build_scheduler

ROOT = "/nowhere"


@pytest.fixture(autouse=True, scope="module")
def conf() -> Iterator[None]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def composed(*overrides: str) -> DictConfig:
    return copy.deepcopy(_composed_once(*overrides))


@functools.cache
def _composed_once(*overrides: str) -> DictConfig:
    config = compose("config", overrides=list(overrides))
    if OmegaConf.is_missing(config.dataset, "root"):
        config.dataset.root = ROOT
    return config


def small_spec(config: Config) -> InputSpec:
    side = config.model.patch_size * 2
    return InputSpec(
        ["a", "b"], ["red", "green", "blue"], [0.0] * 3, [1.0] * 3, side, "resize", True
    )


def test_every_group_has_options() -> None:
    assert {option.partition("=")[0] for option in OPTIONS} == set(GROUPS)


@pytest.mark.parametrize("option", ["", *OPTIONS, *EXPERIMENTS])
def test_every_option_builds_what_it_describes(option: str, tmp_path: Path) -> None:
    given = [option] if option else []
    if option == "model=transformers":
        published("dinov3_vit", tmp_path, hidden_size=384, num_attention_heads=6, patch_size=16)
        given.append(f"model.pretrained={tmp_path}")
    config = parse_config(plain_values(composed(*given)))
    spec = small_spec(config)
    model = build(config, spec)
    assert model(torch.zeros(1, 3, spec.image_size, spec.image_size)).shape == (1, 2)
    optimizer = build_optimizer(config.optimizer, model.named_parameters())
    schedule = build_scheduler(config.scheduler, optimizer, steps=10)
    assert schedule.get_last_lr()[0] > 0
    assert 0 <= config.masking.rate(0.5) <= 1
    layers = layer_numbers(config.attention.layers, config.model.depth)
    assert bool(layers) == bool(config.model.depth)  # a model of local statistics has no blocks
    assert reported_split(config) in SPLITS
    assert choose_stages(config.stage)
    sizes = config.segmenter.architecture()
    if isinstance(config.segmenter, EncoderSegmenterConfig):
        sizes["encoder"] = model.architecture.description()
    segmenter = build_segmenter(sizes, spec, seed=0).eval()
    assert segmenter(torch.zeros(1, 3, 112, 112)).shape == (1, 2, 112, 112)


@pytest.mark.parametrize("option", [*OPTIONS, *EXPERIMENTS])
def test_yaml_keys_are_the_fields_of_their_classes(option: str) -> None:
    config = composed(option)
    parsed = parse_config(plain_values(config))
    for group in GROUPS:
        _assert_keys(config[group], getattr(parsed, group), group)
    _assert_keys(config.paths, parsed.paths, "paths")
    known = {field.name for field in dataclasses.fields(Config)}
    assert set(config) - {"dp_rate"} == known  # which masking reads


def _assert_keys(node: DictConfig, parsed: Any, where: str) -> None:
    fields = {field.name: getattr(parsed, field.name) for field in dataclasses.fields(parsed)}
    assert {str(key) for key in node} - {"kind"} == set(fields), where
    for name, value in fields.items():
        if dataclasses.is_dataclass(value):
            _assert_keys(node[name], value, f"{where}.{name}")


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_is_called_what_its_file_is_called(option: str) -> None:
    group, _, name = option.partition("=")
    node = composed(option)[group]
    if "name" in node:
        assert node.name == name


LEAVES = [
    f"{group}.{field.name}"
    for group, kind in {**GROUPS, "segmenter": UNetConfig}.items()
    if isinstance(kind, type)
    for field in dataclasses.fields(kind)
]


SOME_LEAVES = LEAVES[::6]


@pytest.mark.parametrize("key", [*LEAVES, "dataset.image_size", "optimizer.lr", "masking.dp_rate"])
def test_a_value_of_the_wrong_type_names_its_key(key: str) -> None:
    config = composed()
    is_list = OmegaConf.is_list(OmegaConf.select(config, key))
    OmegaConf.update(config, key, 3 if is_list else {"a": 1}, merge=False)
    with pytest.raises(UserError, match=key.replace(".", r"\.")) as caught:
        parse_config(plain_values(config))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", SOME_LEAVES)
def test_a_misspelt_key_is_named_with_the_one_that_was_meant(key: str) -> None:
    config = composed()
    OmegaConf.update(config, f"{key}x", 1, force_add=True)
    with pytest.raises(UserError, match=f"unknown key '{key}x'.*{key.partition('.')[2]}"):
        parse_config(plain_values(config))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attention.heads", "closed"),
        ("attention.layers", [0, 2]),
        ("attention.layers", []),
        ("attention.max_side", 0),
        ("attention.method", "product"),
        ("attention.source", "gradients"),
        ("attention.scales", []),
        ("attention.scales", [0.0]),
        ("attention.batch_size", 0),
        ("dataset.cache_mb", -1),
        ("dataset.fit", "crop"),
        ("dataset.image_size", 0),
        ("dataset.on_error", "ignore"),
        ("launch.threads", 0),
        ("loss.contrast", -0.1),
        ("loss.diversity", -0.1),
        ("masking.balance", "rarity"),
        ("masking.place", "middle"),
        ("model.class_tokens", "two"),
        ("model.depth", 0),
        ("model.norm_eps", 0.0),
        ("model.num_heads", 0),
        ("model.patch_head", "max"),
        ("model.patch_size", 0),
        ("model.token_head", "max"),
        ("optimizer.betas", [0.9]),
        ("optimizer.lr", -1.0),
        ("pruning.gate_lr", 0.0),
        ("pruning.keep", 1.1),
        ("pruning.penalty", -1),
        ("pseudo_mask.background_threshold", -0.1),
        ("pseudo_mask.foreground_threshold", 0.3),
        ("pseudo_mask.foreground_threshold", 1.1),
        ("pseudo_mask.margin", -0.1),
        ("pseudo_mask.pamr_dilations", []),
        ("pseudo_mask.pamr_dilations", [1, 0]),
        ("pseudo_mask.pamr_iterations", 0),
        ("pseudo_mask.presence_threshold", 2.0),
        ("segmenter.batch_size", 0),
        ("segmenter.bootstrap_share", 1.0),
        ("segmenter.channels", []),
        ("segmenter.generalised_q", 0.0),
        ("segmenter.generalised_q", 1.5),
        ("segmenter.loss", "focal"),
        ("segmenter.name", "deeplab"),
        ("segmenter.overlap", 1.0),
        ("segmenter.rounds", 0),
        ("segmenter.symmetric_share", 1.1),
        ("trainer.accumulate_grad_batches", 0),
        ("trainer.batch_size", 0),
        ("trainer.max_epochs", -1),
        ("trainer.num_workers", -1),
    ],
)
def test_a_value_out_of_range_is_refused_by_name_before_any_work(key: str, value: object) -> None:
    config = composed()
    OmegaConf.update(config, key, value, merge=False)
    with pytest.raises(UserError, match=key.replace(".", r"\.")) as caught:
        parse_config(plain_values(config))
    assert "\n" not in str(caught.value)


def test_a_key_that_is_missing_is_named_though_its_class_has_a_default() -> None:
    plain = plain_values(composed())
    del plain["model"]["patch_head"]
    with pytest.raises(UserError, match="model.patch_head is not set"):
        parse_config(plain)

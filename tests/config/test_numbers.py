"""Every number of the schema is finite and in range, or refused by name before any work."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.options import CONF, OPTIONS
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from wsss.config.parsing import parse_config, plain_values
from wsss.engine.feasible import check_feasible
from wsss.engine.registry import CHAIN
from wsss.errors import UserError

NOT_NUMBERS = (float("nan"), float("inf"), float("-inf"), 1e308, -1e30)
HUGE, BEYOND = 10**12, 10**30
ANY_SIZE = {
    # Legal at any size: a longer run, a limit that is never reached, or a result that diverges.
    "seed",
    "dataset.cache_mb",
    "dataset.scenes_seed",
    "attention.batch_size",
    "attention.max_side",
    "evaluation.figure_images",
    "launch.requeues",
    "launch.signal_seconds",
    "pruning.max_epochs",
    "pseudo_mask.pamr_iterations",
    "segmenter.batch_size",
    "segmenter.max_epochs",
    "segmenter.rounds",
    "trainer.accumulate_grad_batches",
    "trainer.batch_size",
    "trainer.devices",  # refused where processes are counted
    "trainer.early_stopping",
    "trainer.max_epochs",
    "trainer.num_nodes",
    "launch.resources.*.array_parallelism",  # SLURM knows its own limits
    "launch.resources.*.cpus",
    "launch.resources.*.gpus",
    "launch.resources.*.minutes",
    "launch.resources.*.shards",
    # Numbers of images, refused when the dataset is opened and its images are counted.
    "dataset.test_images",
    "dataset.val_images",
    "dataset.val_patches",
    "dataset.display_bands",
}
FLOATS = {"dataset.display_range", "launch.resources.*.memory_gb"}
"""Written as whole numbers, though they need not be."""
READ_BY = {
    "dp_rate": "masking.dp_rate",
    "dataset.scenes_val": "dataset.val_patches",
    "dataset.scene_size": "dataset.image_size",
}
"""A key that another one interpolates, which may be named instead."""


@pytest.fixture(autouse=True, scope="module")
def conf() -> Iterator[None]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


@functools.cache
def composed_once(option: str) -> Any:
    config = compose("config", overrides=[option])
    if OmegaConf.is_missing(config.dataset, "root"):
        config.dataset.root = "/nowhere"
    return config


def composed(option: str) -> Any:
    return copy.deepcopy(composed_once(option))


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def is_number(value: Any, kinds: type | tuple[type, ...]) -> bool:
    value = value[0] if isinstance(value, list) and value else value
    return isinstance(value, kinds) and not isinstance(value, bool)


@functools.cache
def numbers(option: str) -> dict[str, Any]:
    """The keys of numbers in an option's group, and for one option in all groups."""
    group = option.partition("=")[0]
    everything = option == "dataset=synthetic"
    found = dict(leaves(plain_values(composed(option))))
    return {
        key: value
        for key, value in found.items()
        if is_number(value, (int, float))
        and (everything or key.startswith(f"{group}."))
        and general(key) in (key, key.replace(".train.", ".*."))  # one stage is enough
    }


def general(key: str) -> str:
    """A key without the name of a stage in it."""
    return re.sub(r"(?<=^launch\.resources\.)\w+", "*", key)


def with_value(option: str, key: str, old: Any, number: float) -> dict[str, Any]:
    config = composed(option)
    value = [number, *old[1:]] if isinstance(old, list) else number
    OmegaConf.update(config, key, value, merge=False)
    return plain_values(config)


@pytest.mark.parametrize("option", OPTIONS)
def test_a_number_that_is_none_is_refused_by_name(option: str) -> None:
    for key, old in numbers(option).items():
        for number in NOT_NUMBERS:
            if (key, number) == ("dataset.display_range", -1e30):  # a unit is anyone's choice
                continue
            with pytest.raises(UserError) as caught:
                parse_config(with_value(option, key, old, number))
            line = str(caught.value)
            names = (key, general(key).replace("*", "<stage>"), READ_BY.get(key, key))
            assert any(name in line for name in names) and "\n" not in line, (key, number, line)


@pytest.mark.parametrize("option", OPTIONS)
def test_a_huge_whole_number_is_refused_by_name_or_legal(option: str) -> None:
    for key, old in numbers(option).items():
        if not is_number(old, int) or general(key) in FLOATS:
            continue
        with pytest.raises(UserError):
            parse_config(with_value(option, key, old, BEYOND))
        unused = key == "pseudo_mask.pamr_dilations" and option != "pseudo_mask=adaptive"
        if general(key) in ANY_SIZE or unused:
            parse_config(with_value(option, key, old, HUGE))
            continue
        with pytest.raises(UserError) as caught:
            check_feasible(parse_config(with_value(option, key, old, HUGE)), CHAIN)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "key", "value", "words"),
    [
        ("segmenter=unet", "segmenter.channels", [8], "two levels"),
        ("model=mini", "model.patch_size", 5, "patch size"),
        ("model=mini", "model.num_heads", 3, "num_heads"),
        ("trainer=default", "trainer.accelerator", "abacus", "auto, gpu, mps, cpu"),
        ("trainer=default", "trainer.num_workers", 10**6, "0..1024"),
        ("launch=local", "launch.threads", 10**6, "1..4096"),
    ],
)
def test_what_stages_would_find_late(option: str, key: str, value: object, words: str) -> None:
    config = composed(option)
    OmegaConf.update(config, key, value, merge=False)
    with pytest.raises(UserError, match=words):
        check_feasible(parse_config(plain_values(config)), CHAIN)

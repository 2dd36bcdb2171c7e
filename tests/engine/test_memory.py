"""What cannot fit into memory is refused before any work; nothing that would run is."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import tiny
from helpers.command_line import refused

from wsss.config.composing import compose_config
from wsss.data.open import open_dataset
from wsss.engine.feasible import check_feasible
from wsss.engine.registry import CHAIN
from wsss.errors import UserError

IMPOSSIBLE = {
    "image size": (["dataset.image_size=1048576"], ["1048576 x 1048576", "dataset.image_size"]),
    "width": (["model.embed_dim=10000000", "model.num_heads=8"], ["weights", "model.embed_dim"]),
    "hidden width": (["model.mlp_ratio=1e12"], ["weights", "model.mlp_ratio"]),
    "scale": (["attention.scales=[1e6]"], ["maps of an image", "attention.scales"]),
    "neighbours": (["pseudo_mask.pamr_dilations=[10000000]"], ["pamr_dilations"]),
    "levels": (["segmenter.channels=[10000000,10000000]"], ["segmenter's weights"]),
    "window": (
        ["segmenter.image_size=10000000", "segmenter.window=32"],
        ["segmenter.image_size"],
    ),
    "transformer": (
        ["segmenter=segformer", "segmenter.widths=[10000000,32,80,128]"],
        ["segmenter's weights"],
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_cannot_fit_is_refused_with_what_to_lower(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides, words = IMPOSSIBLE[case]
    replaced = {override.split("=")[0] for override in overrides}
    sizes = [a for a in tiny.TINY if a.split("=")[0] not in replaced]
    if "segmenter" in replaced:
        sizes = [a for a in sizes if "channels" not in a]
    arguments = [f"paths.outputs={tmp_path}", "tracking=none", *sizes, *overrides]

    refused(arguments, capsys, "memory", "lower", *words)

    assert not list(tmp_path.glob("artifacts/*/*/*"))


@pytest.mark.parametrize(
    "override",
    [
        "trainer.batch_size=1000000000",  # at most all images
        "segmenter.batch_size=1000000000",
        "attention.batch_size=1000000000",
        "attention.max_side=1000000000",  # smaller images keep their size
        "dataset.cache_mb=1000000000",  # at most all images
        "evaluation.figure_images=1000000000",
        "trainer.max_epochs=1000000000",
    ],
)
def test_limits_that_are_never_reached_are_legal(override: str, tmp_path: Path) -> None:
    config = compose_config(f"dataset.root={tmp_path / 'scenes'}", *_few_scenes(), override)
    check_feasible(config, CHAIN, open_dataset(config.dataset))


def test_the_public_models_fit(tmp_path: Path) -> None:
    for model in ("mini", "tiny", "small", "base"):
        config = compose_config(f"model={model}", "dataset=dfc", "dataset.root=/nowhere")
        check_feasible(config, CHAIN)


def test_a_last_batch_of_a_single_value_is_refused(tmp_path: Path) -> None:
    one_pixel = ("segmenter.window=16", "segmenter.channels=[4,4,4,4,4]", "segmenter.batch_size=2")
    config = compose_config(f"dataset.root={tmp_path / 'scenes'}", *_few_scenes(), *one_pixel)
    dataset = open_dataset(config.dataset)

    with pytest.raises(UserError, match="segmenter.batch_size, or a larger segmenter.window"):
        check_feasible(config, CHAIN, dataset)


def test_without_the_classifier_its_sizes_do_not_matter() -> None:
    config = compose_config("model.patch_size=7")
    check_feasible(config, ["ceiling"])
    with pytest.raises(UserError, match="patch size"):
        check_feasible(config, ["ceiling", "train"])


def _few_scenes() -> list[str]:
    return [
        "dataset.scenes_train=3",
        "dataset.scenes_val=1",
        "dataset.scenes_test=1",
        "dataset.scene_size=16",
    ]

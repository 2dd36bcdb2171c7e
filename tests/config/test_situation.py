"""A pretrained encoder alone is a good command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.command_line import run_main
from helpers.library_encoders import published

from wsss.config.composing import compose_config
from wsss.config.situation import suited_overrides
from wsss.engine.feasible import check_networks
from wsss.errors import UserError

FOLDER = ("dataset=folder", "dataset.root=/data")
FILE = "model.pretrained=/weights/vit.safetensors"


@pytest.mark.parametrize(
    ("overrides", "experiment"),
    [
        (["dataset=folder"], "frozen_encoder"),
        (["dataset=msrc21", "seed=3", "dp_rate=0.1,0.5"], "frozen_encoder"),
        (["dataset=folder", "dataset.background=sea"], "frozen_background"),
        (["dataset=folder", "dataset.background=null"], "frozen_encoder"),
        (["dataset=voc"], "frozen_background"),
    ],
)
def test_the_experiment_follows_from_the_data(overrides: list[str], experiment: str) -> None:
    completed, line = suited_overrides([*overrides, FILE])
    assert completed == [f"experiment={experiment}", *overrides, FILE]
    assert line is not None and f"experiment={experiment}" in line


@pytest.mark.parametrize(
    "overrides",
    [
        ["dataset=folder"],
        ["dataset=folder", "model.pretrained=null"],
        ["dataset=dfc", FILE],
        [FILE],
        ["dataset=folder", "dataset.bands=[B4,B8]", FILE],
        ["dataset=folder", "experiment=null", FILE],
        ["dataset=folder", "experiment=cam", FILE],
        ["dataset=folder", "model=small", FILE],
        ["dataset=folder", "model.embed_dim=384", FILE],
        ["dataset=folder", "model.pretrained=/a,/b"],
    ],
)
def test_what_is_chosen_stays(overrides: list[str]) -> None:
    assert suited_overrides(overrides) == (overrides, None)


def test_sizes_follow_from_the_encoder(tmp_path: Path) -> None:
    directory = published("clip_vision_model", tmp_path / "clip", patch_size=32, image_size=64)
    mean, std = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    written = json.dumps({"image_mean": mean, "image_std": std})
    (directory / "preprocessor_config.json").write_text(written)
    given = ["dataset=folder", f"dataset.root={tmp_path}", f"model.pretrained={directory}"]
    config = compose_config(*given)
    assert (config.model.encoder, config.model.depth) == ("transformers", 0)
    assert (config.model.embed_dim, config.model.patch_size) == (32, 32)
    assert config.model.normalisation == "clip" and config.dataset.image_size == 320
    assert compose_config(*given, "dataset.image_size=64").dataset.image_size == 64


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    written = {"model_type": "clip", "text_config": {}}
    (tmp_path / "config.json").write_text(json.dumps(written))
    with pytest.raises(UserError, match="no vision_config"):
        compose_config(*FOLDER, f"model.pretrained={tmp_path}")
    (tmp_path / "config.json").write_text('{"architecture": "vit_small_patch14_dinov2"}')
    config = compose_config(*FOLDER, f"model.pretrained={tmp_path}")
    assert config.model.encoder == "own"  # a file of timm, whose weights may be read


def test_sizes_that_a_description_leaves_out_are_those_of_the_library(tmp_path: Path) -> None:
    written = {"model_type": "siglip", "vision_config": {"model_type": "siglip_vision_model"}}
    (tmp_path / "config.json").write_text(json.dumps(written))
    model = compose_config(*FOLDER, f"model.pretrained={tmp_path}").model
    assert (model.embed_dim, model.patch_size, model.normalisation) == (768, 16, "half")


def test_the_width_is_no_multiple_of_heads_that_are_not_there(tmp_path: Path) -> None:
    written = {"model_type": "dinov3_vit", "hidden_size": 1024, "patch_size": 16}
    (tmp_path / "config.json").write_text(json.dumps(written))
    config = compose_config(*FOLDER, f"model.pretrained={tmp_path}")
    check_networks(config, ["train"])
    assert config.model.embed_dim == 1024


def test_the_command_says_what_it_chose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["dataset=folder", f"dataset.root={tmp_path}", f"model.pretrained={tmp_path}/x.pt"]
    status, printed, complaint = run_main([*given, f"paths.outputs={tmp_path}/out"], capsys)
    assert status == 2 and str(tmp_path) in complaint and not printed
    assert "experiment=frozen_encoder" in complaint.splitlines()[0]

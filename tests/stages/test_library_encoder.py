"""Encoders of the library transformers in whole runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from helpers.command_line import run_main
from helpers.library_encoders import PATCH, WIDTH, published
from helpers.photographs import SMALL, evaluated, odd_shapes
from safetensors.torch import load_file

from wsss.config.composing import compose_config
from wsss.data.open import open_dataset
from wsss.models.checkpoint import load_classifier
from wsss.models.library_description import read_description
from wsss.models.library_encoder import LibraryEncoder
from wsss.stages.train import inputs

SIZES = (f"model.embed_dim={WIDTH}", f"model.patch_size={PATCH}")
#: The tiny sizes of a model of ours, which an encoder of the library does not have.
FEW = [word for word in SMALL if not word.startswith("segmenter.ch")]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_shapes(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def dinov3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published("dinov3_vit", tmp_path_factory.mktemp("dinov3"))


@pytest.mark.slow
def test_masks_and_a_segmenter_from_its_tokens(
    pictures: Path, dinov3: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        *(word for word in FEW if not word.startswith("dataset.background")),
        *("experiment=frozen_encoder", "model=transformers", f"model.pretrained={dinov3}", *SIZES),
        *(
            "model.depth=0",
            "model.patch_members=2",
            "self_labelling.rounds=2",
            "dataset.image_size=64",
        ),
        *("trainer.max_epochs=1", "segmenter.max_epochs=1", "attention.max_side=null"),
        *(f"dataset.root={pictures}", f"paths.outputs={tmp_path}"),
    ]
    status, printed, complaint = run_main(arguments, capsys)
    assert status == 0, printed + complaint
    assert printed.count("computed once") == 3  # the segmenter reads them too
    assert "0 of 0 heads" in printed
    (path,) = tmp_path.glob("artifacts/train/" + 16 * "?")
    model, spec = load_classifier(path)
    assert model.architecture.depth == 0 and spec.fit == "keep"
    assert (path / "pretrained.json").is_file()

    status, printed, complaint = run_main([*arguments, "dp_rate=0.9", "seed=5"], capsys)
    assert status == 0 and "computed once" not in printed


@pytest.mark.slow
def test_class_tokens_are_masked_in_blocks_that_follow(
    pictures: Path, dinov3: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["model=transformers", f"model.pretrained={dinov3}", *SIZES]
    chosen += ["dataset.background=null", "masking=random", "attention.max_side=null"]
    metrics = evaluated(pictures, tmp_path, capsys, *chosen, "model.frozen=true")
    assert 0 <= metrics["pseudo_mask"]["test"]["miou"] <= 1
    (path,) = tmp_path.glob("artifacts/train/" + 16 * "?")
    state = load_classifier(path)[0].state_dict()
    tuned = evaluated(pictures, tmp_path, capsys, *chosen, "optimizer.lr=1e-2")
    assert 0 <= tuned["pseudo_mask"]["test"]["miou"] <= 1
    (other,) = set(tmp_path.glob("artifacts/train/" + 16 * "?")) - {path}
    later = load_classifier(other)[0].state_dict()
    encoder = LibraryEncoder(read_description(dinov3))
    encoder.load(load_file(dinov3 / "model.safetensors"))
    given = {f"patch_embed.{name}": value for name, value in encoder.state_dict().items()}
    assert all(torch.equal(state[name], value) for name, value in given.items())
    assert not all(torch.equal(later[name], value) for name, value in given.items())


def test_the_description_determines_the_classifier(
    pictures: Path, dinov3: Path, tmp_path: Path
) -> None:
    for path in dinov3.iterdir():
        (tmp_path / path.name).symlink_to(path)
    config = compose_config(
        *("dataset=folder", f"dataset.root={pictures}", f"model.pretrained={tmp_path}")
    )
    dataset = open_dataset(config.dataset)
    before = inputs(config, dataset)
    written = json.loads((dinov3 / "config.json").read_text()) | {"num_attention_heads": 2}
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps(written))
    assert inputs(config, dataset) != before  # the weights alone would not tell


def test_a_directory_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, complaint = run_main(["model=transformers", f"paths.outputs={tmp_path}"], capsys)
    assert status == 2 and "model.encoder=transformers needs model.pretrained" in complaint


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([], ["model.depth=0", "model.token_head=none"]),
        (["model.token_head=none", "pruning=joint"], ["pruning=joint", "pruning=none"]),
        (["model.token_head=none", "attention.source=attention"], ["attention.source=attention"]),
        (["model.token_head=none", "attention.affinity=true"], ["attention.affinity=true"]),
        (["model.encoder=own", "model.token_head=none"], ["model.depth is 0"]),
    ],
)
def test_without_blocks_nothing_asks_for_one(
    overrides: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patches = ["model.patch_head=compete", "attention.source=competition", "masking=none"]
    chosen = ["model=transformers", "model.depth=0", "pruning=none", *patches, *overrides]
    status, _, complaint = run_main([*chosen, f"paths.outputs={tmp_path}"], capsys)
    assert status == 2 and all(word in complaint for word in words)

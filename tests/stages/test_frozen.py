"""A frozen encoder is run once; what is trained on its tokens is what images would have given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import tiny
from safetensors.torch import load_file, save_file

from wsss.config.composing import compose_config
from wsss.data.open import open_dataset
from wsss.models.checkpoint import load_classifier
from wsss.models.input_spec import prepare
from wsss.stages import train

RECIPE = (
    "experiment=frozen_encoder",
    "model=mini",
    "model.qkv_bias=true",
    "dataset.image_size=32",
    "attention.max_side=null",
    "trainer.max_epochs=3",
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder with a final norm, as a checkpoint of another project."""
    folder = tmp_path_factory.mktemp("weights")
    settings = ("model.final_norm=true", "pruning=none", "trainer.max_epochs=0", "seed=7")
    tiny.run(folder, "stage=train", "model.qkv_bias=true", *settings)
    (path,) = folder.glob("artifacts/train/*/classifier.safetensors")
    state = load_file(path)
    generator = torch.Generator().manual_seed(0)
    state |= {n: v + 0.1 * torch.randn(v.shape, generator=generator) for n, v in state.items()}
    state["cls_token"] = state["cls_token"][:, :1]
    others = state["pos_embed"].shape[1] - 16 - 1  # 4 x 4 patches and the register token
    state["pos_embed"] = state["pos_embed"][:, others - 1 : -1]
    kept = {n: v.contiguous() for n, v in state.items() if n.startswith(("blocks", "patch_embed"))}
    kept |= {n: state[n].contiguous() for n in ("cls_token", "pos_embed")}
    kept |= {n: state[n] for n in ("norm.weight", "norm.bias")}
    save_file(kept, folder / "vit.safetensors")
    return folder / "vit.safetensors"


def trained(outputs: Path, weights: Path, *overrides: str) -> str:
    chosen = [*RECIPE, f"model.pretrained={weights}", *overrides]
    return tiny.run(outputs, *chosen).stdout


def classifiers(outputs: Path) -> list[Path]:
    return sorted(
        outputs.glob("artifacts/train/" + 16 * "?"), key=lambda path: path.stat().st_mtime_ns
    )


def history(path: Path) -> Sequence[float]:
    lines = (path / "history.jsonl").read_text().splitlines()
    return [json.loads(line)["train/loss"] for line in lines]


@pytest.mark.slow
def test_tokens_are_computed_once_for_every_training(weights: Path, tmp_path: Path) -> None:
    said = trained(tmp_path, weights)
    assert said.count("computed once") == 2  # train and val
    assert "computed once" not in trained(tmp_path, weights, "dp_rate=0.9", "stage=train")
    first, second = map(load_file, (p / "classifier.safetensors" for p in classifiers(tmp_path)))
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    assert changed == {
        f"{p}.conv.{n}" for p in ("patch_head", "labeller") for n in ("weight", "bias")
    }
    (evaluated,) = (m["metrics"] for m in tiny.manifests(tmp_path)["evaluate"])
    assert 0 <= evaluated["pseudo_mask"]["test"]["miou"] <= 1

    for path in (tmp_path / "data" / "tokens").glob("*.npy"):  # as after a broken disk
        path.write_bytes(path.read_bytes()[:-8] + b"\xff" * 8)
    again = trained(tmp_path, weights, "rebuild=[train]", "stage=train")
    assert again.count("computed once") == 2
    anew = load_file(classifiers(tmp_path)[-1] / "classifier.safetensors")
    assert all(torch.equal(anew[name], first[name]) for name in first)


@pytest.mark.slow
def test_tokens_are_those_of_the_images(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = [
        f"dataset.augment.{name}=false" for name in ("flip_horizontal", "flip_vertical", "rotate90")
    ]
    still += ["dataset.augment.min_scale=1.0", "stage=train"]
    still += ["self_labelling.rounds=0", "attention.source=competition"]
    trained(tmp_path / "tokens", weights, *still)
    monkeypatch.setattr(train, "trains_on_tokens", lambda config: False)
    trained(tmp_path / "images", weights, *still)
    (of_tokens,), (of_images,) = (classifiers(tmp_path / n) for n in ("tokens", "images"))
    assert history(of_tokens) == pytest.approx(history(of_images), rel=1e-3)

    model, spec = load_classifier(of_tokens)
    config = compose_config(
        *tiny.command(tmp_path / "tokens", *RECIPE, *still)[3:], "model.frozen=false"
    )
    dataset = open_dataset(config.dataset)
    ids = dataset.ids("val")
    images = torch.stack([prepare(dataset.read_image(i), spec) for i in ids])
    with torch.no_grad():
        expected = model.encode(images).patches
    assert expected is not None
    found = [np.load(p) for p in (tmp_path / "tokens" / "data" / "tokens").glob("*.npy")]
    (kept,) = (tokens for tokens in found if len(tokens) == len(ids))
    torch.testing.assert_close(torch.from_numpy(kept[:, 0]).float(), expected, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.frozen=true"], ["model.frozen", "model.pretrained"]),
        (["masking.place=patches"], ["masking.place=patches", "model.patch_head=compete"]),
        (["attention.source=competition"], ["attention.source=competition", "patch_head=compete"]),
        (["attention.source=self_labelled"], ["self_labelled", "self_labelling.rounds"]),
        (["self_labelling.rounds=1"], ["self_labelling.rounds", "frozen encoder"]),
    ],
)
def test_what_does_not_go_together_is_named(
    overrides: list[str], words: list[str], tmp_path: Path
) -> None:
    done = tiny.run(tmp_path, *overrides, check=False)
    assert done.returncode == 2
    assert all(word in done.stderr for word in words)

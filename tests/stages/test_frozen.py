"""A frozen encoder is run once; what is trained on its tokens is what images would have given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from helpers import tiny
from helpers.command_line import run_main
from helpers.photographs import SMALL, evaluated, odd_shapes
from rich.console import Console
from safetensors.torch import load_file, save_file

from wsss.config.composing import compose_config
from wsss.data.open import open_dataset
from wsss.engine.artifacts import Artifact
from wsss.engine.stage import Context, Part
from wsss.models.checkpoint import load_classifier
from wsss.models.input_spec import prepare
from wsss.models.segmenter import load_segmenter
from wsss.stages import shards, training
from wsss.stages.classifier import blank_spec, build
from wsss.stages.frozen import patch_tokens
from wsss.tracking import RunLog
from wsss.training.stored_tokens import StoredTokens

RECIPE = (
    "experiment=frozen_encoder",
    "model=mini",
    "model.qkv_bias=true",
    "model.normalisation=dataset",
    "dataset.image_size=32",
    "attention.max_side=null",
    "trainer.max_epochs=3",
)
UNET = "segmenter=unet"


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
    chosen = [*RECIPE, UNET, f"model.pretrained={weights}", *overrides]
    return tiny.run(outputs, *chosen).stdout


def classifiers(outputs: Path) -> list[Path]:
    return sorted(
        outputs.glob("artifacts/train/" + 16 * "?"), key=lambda path: path.stat().st_mtime_ns
    )


def stored(outputs: Path) -> list[Path]:
    """The files of patch tokens."""
    return sorted((outputs / "data" / "tokens").glob("*/*.safetensors"))


def history(path: Path) -> Sequence[float]:
    lines = (path / "history.jsonl").read_text().splitlines()
    return [json.loads(line)["train/loss"] for line in lines]


@pytest.mark.slow
def test_tokens_are_computed_once_for_every_training(weights: Path, tmp_path: Path) -> None:
    said = trained(tmp_path, weights)
    assert said.count("computed once") == 3  # a split each
    assert "computed once" not in trained(tmp_path, weights, "dp_rate=0.9", "stage=train")
    first, second = map(load_file, (p / "classifier.safetensors" for p in classifiers(tmp_path)))
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    assert changed == {
        f"{p}.conv.{n}" for p in ("patch_head", "labeller") for n in ("weight", "bias")
    }
    (scored,) = (m["metrics"] for m in tiny.manifests(tmp_path)["evaluate"])
    assert 0 <= scored["pseudo_mask"]["test"]["miou"] <= 1

    for path in stored(tmp_path):  # as after a broken disk
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
    still += ["self_labelling.rounds=0", "attention.source=competition", "dataset.fit=resize"]
    trained(tmp_path / "tokens", weights, *still)
    monkeypatch.setattr(training, "trains_on_tokens", lambda config: False)
    trained(tmp_path / "images", weights, *still)
    (of_tokens,), (of_images,) = (classifiers(tmp_path / n) for n in ("tokens", "images"))
    assert history(of_tokens) == pytest.approx(history(of_images), rel=1e-3)

    model, spec = load_classifier(of_tokens)
    config = compose_config(
        *tiny.command(tmp_path / "tokens", *RECIPE, UNET, *still)[3:], "model.frozen=false"
    )
    dataset = open_dataset(config.dataset)
    ids = dataset.ids("val")
    images = torch.stack([prepare(dataset.read_image(i), spec) for i in ids])
    with torch.no_grad():
        expected = model.encode(images).patches
    assert expected is not None
    kept = StoredTokens([p for p in stored(tmp_path / "tokens") if "val" in p.name])
    torch.testing.assert_close(kept.batch(range(len(ids))), expected, rtol=1e-2, atol=1e-2)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_shapes(tmp_path_factory.mktemp("pictures"))


@pytest.mark.slow
def test_images_keep_their_shape(
    weights: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = [*RECIPE, UNET, f"model.pretrained={weights}", "dataset.background=null"]
    chosen += ["dataset.image_size=64", "model.normalisation=imagenet"]
    metrics = evaluated(pictures, tmp_path, capsys, *chosen)
    assert 0 <= metrics["segmenter"]["test"]["miou"] <= 1
    tokens = StoredTokens([p for p in stored(tmp_path) if "train" in p.name])
    assert {tuple(tokens.read(i).shape) for i in range(len(tokens))} == {
        (32, 5, 8),
        (32, 8, 5),
        (32, 8, 8),
    }
    (path,) = classifiers(tmp_path)
    model, spec = load_classifier(path)
    assert model.architecture.grid == (4, 4)  # as pretrained
    assert spec.mean == pytest.approx([123.675, 116.28, 103.53])
    dataset = open_dataset(compose_config(*SMALL, f"dataset.root={pictures}", *chosen).dataset)
    for index, image_id in enumerate(dataset.ids("train")):
        with torch.no_grad():
            alone = model.encode(prepare(dataset.read_image(image_id), spec)[None]).patches
        assert alone is not None
        torch.testing.assert_close(tokens.read(index), alone[0], rtol=1e-2, atol=1e-2)


@pytest.mark.slow
def test_a_segmenter_on_the_encoder_trains_its_decoder_alone(weights: Path, tmp_path: Path) -> None:
    chosen = ["segmenter=encoder", "segmenter.decoder_width=16", f"model.pretrained={weights}"]
    said = tiny.run(tmp_path, *RECIPE, *chosen).stdout
    assert said.count("computed once") == 3  # the decoder reads them too
    (classifier,) = (load_file(p / "classifier.safetensors") for p in classifiers(tmp_path))
    (path,) = tmp_path.glob("artifacts/segment/*/segmenter.safetensors")
    trained = load_file(path)
    kept = {n.removeprefix("encoder."): v for n, v in trained.items() if n.startswith("encoder.")}
    shared = {n for n in kept if not n.startswith("patch_head.")}
    assert {n for n in classifier if n.startswith(("blocks.", "norm.", "patch_embed."))} < shared
    assert all(torch.equal(kept[n], classifier[n]) for n in shared)
    network, _ = load_segmenter(path.parent)
    assert network(torch.zeros(1, 13, 40, 32)).shape == (1, 8, 40, 32)


def test_a_part_computes_its_own_shards(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD", 5)
    command = tiny.command(tmp_path, *RECIPE, UNET, f"model.pretrained={weights}")[3:]
    config = compose_config(*command)
    dataset, log = open_dataset(config.dataset), RunLog(tmp_path / "log", "probe", "")
    artifact = Artifact(tmp_path / "artifact", "probe", 1, {}, {})
    context = Context(config, dataset, artifact, {}, log, Console(quiet=True))
    spec = blank_spec(config, dataset)
    model = build(config, spec)
    first = patch_tokens(context, model, spec, "val", part=Part(0, 2))
    assert list(first) == [0, 2] and len(stored(tmp_path)) == 2  # of 12 images
    second = patch_tokens(context, model, spec, "val", part=Part(1, 2))
    assert list(second) == [1] and stored(tmp_path) == sorted([*first.values(), *second.values()])
    assert [len(StoredTokens([path])) for path in stored(tmp_path)] == [5, 5, 2]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.frozen=true"], ["model.frozen", "model.pretrained"]),
        (["masking.place=patches"], ["masking.place=patches", "model.patch_head=compete"]),
        (["attention.source=competition"], ["attention.source=competition", "patch_head=compete"]),
        (["attention.source=self_labelled"], ["self_labelled", "self_labelling.rounds"]),
        (
            ["self_labelling.rounds=1", "attention.source=self_labelled"],
            ["self_labelling.rounds", "frozen encoder"],
        ),
        (["self_labelling.rounds=1"], ["does not use self-labelling", "self_labelling.rounds=0"]),
        (
            ["segmenter=encoder", "segmenter.window=12", "pruning=none"],
            ["window is 12", "such as 16"],
        ),
        (["segmenter=encoder", "pruning=joint"], ["segmenter=encoder", "pruning=none"]),
        (["segmenter=encoder", "stage=ceiling"], ["ceiling", "segmenter=unet"]),
        (
            ["model.patch_head=compete_background"],
            ["compete_background", "model.patch_head=compete", "dataset.background"],
        ),
        (["dataset.fit=keep"], ["dataset.fit=keep", "frozen_encoder", "dataset.fit=pad"]),
        (["model.normalisation=imagenet", "dataset.modality=s2"], ["normalisation", "dataset"]),
    ],
)
def test_what_does_not_go_together_is_named(
    overrides: list[str], words: list[str], tmp_path: Path
) -> None:
    done = tiny.run(tmp_path, *overrides, check=False)
    assert done.returncode == 2
    assert all(word in done.stderr for word in words)


@pytest.mark.slow
def test_a_background_competes_with_the_classes(
    weights: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line.split(",") for line in (pictures / "labels.csv").read_text().splitlines()]
    for folder in ("images", "masks"):
        (tmp_path / folder).symlink_to(pictures / folder)
    (tmp_path / "labels.csv").write_text("\n".join(f"{i},{b},{s}" for i, _, b, s in lines) + "\n")
    (tmp_path / "classes.txt").write_text("a\nb\n")
    recipe = [word.replace("frozen_encoder", "frozen_background") for word in RECIPE]
    chosen = [*recipe, f"model.pretrained={weights}", "dataset.background=a"]
    few = [word for word in SMALL if not word.startswith(("segmenter.ch", "dataset.background"))]
    arguments = [*few, *chosen, f"dataset.root={tmp_path}", f"paths.outputs={tmp_path}/out"]
    status, printed, complaint = run_main(arguments, capsys)
    assert status == 0, printed + complaint
    (made,) = tiny.manifests(tmp_path / "out")["generate"]
    assert made["metrics"]["coverage"]["train"].keys() == {"a", "b"}
    (scored,) = tiny.manifests(tmp_path / "out")["evaluate"]
    assert 0 <= scored["metrics"]["segmenter"]["test"]["miou"] <= 1

    refused = [*arguments, "attention.source=patch_cam"]
    status, _, complaint = run_main(refused, capsys)
    assert status == 2 and "attention.source=competition" in complaint

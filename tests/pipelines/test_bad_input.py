"""Bad input gets one line that names the culprit, status 2, and leaves nothing half-written."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from helpers import tiny
from helpers.command_line import refused, run_here
from PIL import Image as Pillow

MISSPELT = {
    "group": (["maskng=random"], ["maskng", "masking"]),
    "renamed option": (
        ["pruning=hard_concrete"],
        ["error: pruning=hard_concrete is now called pruning=after"],
    ),
    "renamed option, as runs of older versions name it": (
        ["pruning.name=hard_concrete"],
        ["error: pruning=hard_concrete is now called pruning=after"],
    ),
    "option": (["masking=rnd"], ["masking/rnd", "none patches random scheduled"]),
    "key": (["trainer.max_epoch=3"], ["max_epoch", "did you mean 'max_epochs'"]),
    "nested key": (["dataset.augment.flip=true"], ["flip", "flip_horizontal"]),
    "added key": (["+trainer.epochs=3"], ["trainer.epochs", "max_epochs"]),
    "top-level key": (["sed=1"], ["sed", "did you mean 'seed'"]),
    "stage": (["stage=trian"], ["trian", "did you mean 'train'", "evaluate"]),
    "stage in a list": (["stage=[train,test]"], ["'test'", "segment"]),
    "no stage": (["stage=[]"], ["stage", "all"]),
    "whole number": (["trainer.max_epochs=many"], ["trainer.max_epochs", "many"]),
    "number": (["dp_rate=high"], ["masking.dp_rate", "high"]),
    "seed": (["seed=a"], ["seed", "whole number"]),
    "objective": (["objective=miou"], ["objective", "mAP, pseudo_mask"]),
    "searching by what is reported": (
        ["objective=pseudo_mask"],
        ["objective=pseudo_mask", "evaluation.split=val"],
    ),
    "range": (["dp_rate=1.5"], ["masking.dp_rate", "[0, 1]"]),
    "layers": (["attention.layers=first"], ["attention.layers", "last_1"]),
    "learnt layers without scores to learn from": (
        ["attention.layers=learnt", "attention.source=attention", "model.patch_head=none"],
        ["attention.layers=learnt", "model.patch_head"],
    ),
    "learnt layers rolled out": (
        ["attention.layers=learnt", "attention.method=rollout"],
        ["attention.layers=learnt", "method=sum"],
    ),
    "rule": (["pseudo_mask.name=median"], ["pseudo_mask.name", "paper, argmax"]),
    "split": (["evaluation.split=holdout"], ["evaluation.split", "train, val, test"]),
    "precision": (["trainer.precision=64"], ["trainer.precision", "bf16"]),
    "accelerator": (["trainer.accelerator=abacus"], ["abacus", "cpu"]),
    "heads": (["model.num_heads=3"], ["embed_dim", "num_heads"]),
    "patch": (["model.patch_size=5"], ["patch size"]),
    "syntax": (["trainer={"], ["trainer={"]),
    "missing value": (["dataset=dfc"], ["dataset.root"]),
    "missing root": (["dataset=dfc", "dataset.root=/nowhere"], ["/nowhere"]),
}


@pytest.mark.parametrize("case", list(MISSPELT))
def test_misspelt_configs(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides, words = MISSPELT[case]
    sizes = [] if "dataset=dfc" in overrides else list(tiny.TINY)
    chosen = [a for a in sizes if a.split("=")[0] not in {o.split("=")[0] for o in overrides}]

    common = [f"paths.outputs={tmp_path / 'out'}", "tracking=none"]
    refused([*common, *chosen, *overrides], capsys, *words)

    assert not list(tmp_path.glob("out/artifacts/*/*/*"))


def _drop_train_list(root: Path) -> None:
    (root / "ImageSets" / "train.txt").write_text("")


def _unknown_class(root: Path) -> None:
    _edit(root / "labels.csv", "image_id,grass,water", "image_id,grass,lava")


def _no_label(root: Path) -> None:
    _edit(root / "labels.csv", "a1,0,1", "a1,0,0")


def _small_mask(root: Path) -> None:
    Pillow.fromarray(np.zeros((8, 8), np.uint8)).save(root / "masks" / "a5.png")


def _truncated(root: Path) -> None:
    path = root / "images" / "a2.png"
    path.write_bytes(path.read_bytes()[:60])


def _not_an_image(root: Path) -> None:
    (root / "images" / "a2.png").write_text("this is no picture")


def _gray(root: Path) -> None:
    Pillow.fromarray(np.zeros((32, 32), np.uint8)).save(root / "images" / "a2.png")


def _missing_image(root: Path) -> None:
    (root / "images" / "a2.png").unlink()


SPOILT: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "empty split": (_drop_train_list, ["train"]),
    "label outside the class list": (_unknown_class, ["lava", "water"]),
    "image without label": (_no_label, ["a1", "label"]),
    "mask of another size": (_small_mask, ["a5", "8", "32"]),
    "truncated image": (_truncated, ["a2.png"]),
    "unreadable image": (_not_an_image, ["a2.png"]),
    "wrong number of bands": (_gray, ["a2.png", "band"]),
    "missing image": (_missing_image, ["a2"]),
}


@pytest.mark.parametrize("case", list(SPOILT))
def test_spoilt_data(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, (spoil, words) = _folder(tmp_path / "data"), SPOILT[case]
    spoil(root)

    refused(_folder_arguments(tmp_path, root), capsys, *words)

    assert not [path for path in tmp_path.glob("out/artifacts/*/*") if path.is_dir()]


UNWRITABLE = {
    "a file": ("file", ["File exists", "file"]),
    "below a file": ("file/out", ["Not a directory", "file", "where a folder is needed"]),
    "a device": ("/dev/null", ["File exists", "/dev/null"]),
    "a name of 300 characters": ("x" * 300, ["File name too long", "shorter"]),
    "a place without folders": ("/proc/x", ["No such file or directory", "/proc/x"]),
}


@pytest.mark.parametrize("case", list(UNWRITABLE))
def test_outputs_that_cannot_be_written(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    outputs, words = UNWRITABLE[case]

    refused([*tiny.TINY, "tracking=none", f"paths.outputs={outputs}"], capsys, *words)

    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.slow
def test_a_run_on_an_ascii_terminal(tmp_path: Path) -> None:
    outputs = tmp_path / "sortie_été [/]"
    overrides = ["stage=train", "trainer.max_epochs=1"]
    arguments = [a for a in tiny.command(outputs, *overrides) if "outputs=" not in a]

    done = tiny.run_command(["env", "PYTHONIOENCODING=ascii", *arguments, _quoted(outputs)])

    assert "run: " in done.stdout and "sortie_\\xe9t\\xe9 [/]" in done.stdout and not done.stderr
    assert len(list(outputs.glob("artifacts/train/*/manifest.json"))) == 1


def test_a_folder_that_is_not_utf_8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = tmp_path / os.fsdecode(b"sortie_\xe9t\xe9")
    refused([*tiny.TINY, _quoted(outputs)], capsys, "paths.outputs is", "\\udce9", "not UTF-8")


def _quoted(outputs: Path) -> str:
    return f'paths.outputs="{outputs}"'


@pytest.mark.slow
def test_brackets_in_names_are_shown_as_they_are(tmp_path: Path) -> None:
    root = _folder(tmp_path / "data")
    _rename(root, "a2", "a[bold]2[nobold]")
    (root / "images" / "a[bold]2[nobold].png").write_bytes(b"no picture")

    skipping = ["dataset.on_error=skip", "stage=train", "trainer.max_epochs=1"]
    done = run_here([*_folder_arguments(tmp_path, root), *skipping])

    assert "left out: a[bold]2[nobold]: " in done.stdout, done.stderr


def _rename(root: Path, old: str, new: str) -> None:
    for path in (root / "images" / f"{old}.png", root / "masks" / f"{old}.png"):
        path.rename(path.with_stem(new))
    for path in (root / "labels.csv", root / "ImageSets" / "train.txt"):
        _edit(path, old, new)


def test_a_checkpoint_of_another_architecture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = _folder(tmp_path / "data")
    torch.save({"conv.weight": torch.zeros(3, 3)}, tmp_path / "other.pt")

    refused(
        [*_folder_arguments(tmp_path, root), f"model.init_from={tmp_path / 'other.pt'}"],
        capsys,
        "other.pt",
        "another architecture",
        "cls_token",
    )


@pytest.mark.slow
def test_the_real_command_ends_with_status_2(tmp_path: Path) -> None:
    done = tiny.run_command(tiny.command(tmp_path, "stage=trian"), check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("error: unknown stage 'trian'") and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_sweep_goes_on_past_a_bad_point_and_ends_with_status_2(tmp_path: Path) -> None:
    sweep = ("-m", "stage=train", "trainer.max_epochs=1", "dp_rate=7,0.5")

    done = tiny.run(tmp_path, *sweep, check=False)

    assert done.returncode == 2
    assert "masking.dp_rate is 7" in done.stderr and "Traceback" not in done.stderr
    assert len(tiny.manifests(tmp_path)["train"]) == 1


@pytest.mark.slow
def test_a_programming_error_keeps_its_traceback(tmp_path: Path) -> None:
    code = (
        "import wsss.engine.runner as r, wsss.pipelines.__main__ as m\n"
        "def broken(*_): raise ZeroDivisionError('bug')\n"
        "r.run_experiment = broken\n"
        "m.main()"
    )
    arguments = [sys.executable, "-c", code, f"paths.outputs={tmp_path}"]

    done = tiny.run_command(arguments, check=False)

    assert done.returncode == 1 and "ZeroDivisionError: bug" in done.stderr
    assert "Traceback" in done.stderr


@pytest.mark.slow
def test_georeferenced_images_with_one_label_each_give_georeferenced_masks(tmp_path: Path) -> None:
    root = _folder(tmp_path / "data")
    for path in (root / "images").glob("*.png"):
        pixels = np.asarray(Pillow.open(path)).transpose(2, 0, 1)
        with rasterio.open(
            path.with_suffix(".tif"),
            "w",
            driver="GTiff",
            count=3,
            height=32,
            width=32,
            dtype="uint8",
            crs="EPSG:32632",
            transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5e6),
        ) as image:
            image.write(pixels)
        path.unlink()

    single = "dataset.multi_label=false"
    done = run_here([*_folder_arguments(tmp_path, root), single])

    assert "segmenter" in done.stdout, done.stderr
    (mask,) = tmp_path.glob("out/artifacts/generate/*/train/a0.tif")
    (metrics,) = tmp_path.glob("out/artifacts/train/*/metrics.json")
    assert "top1" in json.loads(metrics.read_text())["val"]
    with rasterio.open(mask) as opened:
        assert opened.crs.to_epsg() == 32632 and opened.transform.a == 10


def _folder(root: Path) -> Path:
    """Six pictures of two classes with everything that belongs to them."""
    for name in ("images", "masks", "ImageSets"):
        (root / name).mkdir(parents=True)
    generator, rows = np.random.default_rng(0), ["image_id,grass,water"]
    for index in range(6):
        water = index % 2
        pixels = generator.integers(0, 99, (32, 32, 3), dtype=np.uint8)
        pixels[..., 2 if water else 1] += 100
        Pillow.fromarray(pixels).save(root / "images" / f"a{index}.png")
        mask = np.full((32, 32), water, np.uint8)
        Pillow.fromarray(mask).save(root / "masks" / f"a{index}.png")
        rows.append(f"a{index},{1 - water},{water}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    (root / "classes.txt").write_text("grass\nwater\n")
    for split, members in {"train": "a0 a1 a2", "val": "a3", "test": "a4 a5"}.items():
        (root / "ImageSets" / f"{split}.txt").write_text("\n".join(members.split()) + "\n")
    return root


def _folder_arguments(tmp_path: Path, root: Path) -> list[str]:
    sizes = [a for a in tiny.TINY if not a.startswith("dataset.")]
    return [
        "dataset=folder",
        f"dataset.root={root}",
        "dataset.lists=ImageSets",
        "dataset.image_size=32",
        f"paths.outputs={tmp_path / 'out'}",
        "tracking=none",
        *sizes,
    ]


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))

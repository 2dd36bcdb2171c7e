"""What a run refuses, it refuses before training, and the check refuses with the same words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.command_line import run_main
from helpers.config_keys.photographs import write_folder
from PIL import Image as Pillow

from wsss.check.__main__ import main

SMALL = (
    "dataset=folder",
    "dataset.image_size=16",
    "model.patch_size=8",
    "model.embed_dim=8",
    "model.depth=1",
    "model.num_heads=2",
    "trainer.max_epochs=1",
    "segmenter.max_epochs=1",
    "segmenter.channels=[4,8]",
    "segmenter.window=8",
    "evaluation.figure_images=0",
    "tracking=none",
)


def _without_labels(split: str) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        rows = [line.split(",") for line in (root / "labels.csv").read_text().splitlines()]
        kept = [[row[0], "0" if row[-1] == split else row[2], row[-1]] for row in rows]  # no cat
        (root / "labels.csv").write_text("\n".join(map(",".join, kept)) + "\n")

    return spoil


def _void_masks(root: Path) -> None:
    for path in (root / "masks").iterdir():
        Pillow.new("L", (12, 16), 255).save(path)


def _mask_of_other_size(root: Path) -> None:
    Pillow.new("L", (3, 3)).save(sorted((root / "masks").iterdir())[-1])


def _grey(root: Path) -> None:
    Pillow.new("L", (12, 16)).save(root / "images" / "p0.png")


def _other_size(root: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    Pillow.fromarray(noise).save(root / "images" / "p0.png")


def _weights(root: Path) -> None:
    torch.save({"a": 1}, root / "x.pt")


BACKGROUND = ("dataset.background=cat",)
CASES: dict[str, tuple[Callable[[Path], None], tuple[str, ...], str]] = {
    "no label in train": (_without_labels("train"), BACKGROUND, "no image of 'train' has a label"),
    "no label in val": (_without_labels("val"), BACKGROUND, "no image of 'val' has a label"),
    "no label in test": (_without_labels("test"), BACKGROUND, "no image of 'test' has a label"),
    "every mask ignored": (_void_masks, (), "every mask is 255 (ignored) throughout"),
    "a mask of another size": (_mask_of_other_size, (), "size (3, 3)"),
    "an image of other bands": (_grey, (), "1 bands, but the configuration names 3"),
    "an image too large": (lambda root: None, ("dataset.max_pixels=9",), "dataset.max_pixels=9"),
    "export of several sizes": (_other_size, ("pseudo_mask.export=true",), "images of one size"),
    "odd weights": (_weights, ("model.pretrained=ROOT/x.pt",), "'a' names no tensor"),
    "no weights": (lambda root: None, ("model.pretrained=ROOT/y.pt",), "y.pt"),
    "threshold without background": (
        lambda root: None,
        ("pseudo_mask=argmax", "pseudo_mask.foreground_threshold=0.5"),
        "needs a dataset with a background",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_check_and_run_refuse_alike(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, more, words = CASES[case]
    root = tmp_path / "data"
    write_folder(root)
    spoil(root)
    arguments = [*SMALL, f"dataset.root={root}", f"paths.outputs={tmp_path}/outputs"]
    arguments += [override.replace("ROOT", str(root)) for override in more]

    assert main(arguments) == 2
    checked = capsys.readouterr()
    status, printed, complaint = run_main(arguments, capsys)

    assert status == 2, printed + complaint
    assert words in complaint and words in " ".join((checked.out + checked.err).split())
    assert "epoch" not in printed, "refused after training had begun"
    assert not list(tmp_path.glob("outputs/artifacts/*/*/manifest.json"))

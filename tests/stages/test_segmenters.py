"""Stage segment beyond its defaults: other architectures, and rounds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import tiny
from helpers.unet_settings import unet_config
from torch import Tensor, nn

from wsss.data.base import Dataset
from wsss.data.types import DatasetInfo, Georeference, Image, ImageRecord, Mask
from wsss.models.input_spec import InputSpec
from wsss.stages.relabel import allowed_classes, relabel

SETTINGS = unet_config(8, rounds=2)


@pytest.fixture
def outputs(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished experiment without its pixel masks."""
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy, symlinks=True)
    for folder in copy.glob("data/*/ROIs0000_*/dfc_0"):
        shutil.rmtree(folder)
    return copy


def test_segformer_goes_through_the_stages(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "copy", symlinks=True)
    tiny.run(tmp_path / "copy", "stage=[segment,evaluate]", "segmenter=segformer")
    descriptions = [
        json.loads(path.read_text())["model"]["name"]
        for path in tmp_path.glob("copy/artifacts/segment/*/segmenter.json")
    ]
    scores = [
        manifest["metrics"]["segmenter"]["test"]["miou"]
        for manifest in tiny.manifests(tmp_path / "copy")["evaluate"]
    ]
    assert sorted(descriptions) == ["segformer", "unet"]
    assert len(set(scores)) == 2


def test_rounds_need_no_pixel_masks_and_begin_as_one_round_does(outputs: Path) -> None:
    done = tiny.run(outputs, "stage=segment", "segmenter.rounds=2")
    by_rounds = {m["inputs"]["segmenter"].get("rounds", 1): m for m in _segmenters(outputs)}
    once, twice = by_rounds[1], by_rounds[2]
    losses = twice["metrics"]["round_train_loss"]
    assert losses["1"] == once["metrics"]["train_loss"]
    assert losses["2"] == twice["metrics"]["train_loss"] != losses["1"]
    assert "epoch 4:" in done.stdout  # two epochs a round
    weights = "segmenter.safetensors"
    assert twice["files"][weights] != once["files"][weights]
    assert twice["files"].keys() == once["files"].keys()  # nothing of the first round is left


def _segmenters(outputs: Path) -> list[dict]:  # type: ignore[type-arg]
    return tiny.manifests(outputs)["segment"]


def info(background: int | None, multi_label: bool = True) -> DatasetInfo:
    return DatasetInfo(
        name="bands",
        classes=("a", "b", "c"),
        palette=((0, 0, 0), (1, 1, 1), (2, 2, 2)),
        bands=("a", "b", "c"),
        multi_label=multi_label,
        display_bands=(0, 1, 2),
        display_range=(0.0, 1.0),
        background=background,
    )


@pytest.mark.parametrize(
    ("background", "multi_label", "labels", "expected"),
    [
        (None, True, [1, 0, 1], [0, 2]),
        (0, True, [1, 0], [0, 1]),  # labels of b and c
        (1, True, [0, 1], [1, 2]),  # labels of a and c
        (1, True, [0, 0], [1]),
        (0, False, [1, 0, 0], [0]),  # an image labelled with nothing but background
        (0, False, [0, 0, 1], [0, 2]),
    ],
)
def test_classes_that_an_image_may_show(
    background: int | None, multi_label: bool, labels: list[int], expected: list[int]
) -> None:
    row = np.array(labels, np.float32)
    assert list(allowed_classes(info(background, multi_label), row)) == expected


class Bands(Dataset):
    """Images of 8 x 12 whose bands are the scores of the classes; the label of each is b."""

    def __init__(self) -> None:
        splits = {"train": ("p", "q"), "val": ("r",), "test": ("s",)}
        records = {s: [ImageRecord(i, (), (1,)) for i in ids] for s, ids in splits.items()}
        super().__init__(info(background=0), records, {})  # type: ignore[arg-type]

    def read_image(self, image_id: str) -> Image:
        rng = np.random.default_rng(ord(image_id))
        return rng.random((3, 8, 12), dtype=np.float32)

    def size(self, image_id: str) -> tuple[int, int]:
        return 8, 12

    def georeference(self, image_id: str) -> Georeference | None:
        return None

    def mask_files(self, image_id: str) -> tuple[Path, ...]:
        return ()

    def open_masks(self) -> Callable[[str], Mask]:
        raise AssertionError("rounds must not ask for pixel masks")


class Scores(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images


def test_new_masks_hold_the_highest_of_the_scores_that_the_labels_allow(tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    spec = InputSpec(names, names, [0.0] * 3, [1.0] * 3, 12, "pad", True)
    cpu, dataset = torch.device("cpu"), Bands()
    read = relabel(
        Scores(), spec, settings=SETTINGS, dataset=dataset, device=cpu, directory=tmp_path
    )
    assert sorted(p.name for p in tmp_path.rglob("*.*")) == ["p.png", "q.png", "r.png"]
    for split, image_id in (("train", "q"), ("val", "r")):
        expected = dataset.read_image(image_id)[:2].argmax(axis=0)  # background and b
        assert np.array_equal(read[split](image_id), expected)  # type: ignore[index]

    kept = (tmp_path / "train" / "p.png").read_bytes()
    (tmp_path / "train" / "q.png").unlink()
    (tmp_path / "val" / "r.png").write_bytes(kept)
    again = relabel(
        Scores(), spec, settings=SETTINGS, dataset=dataset, device=cpu, directory=tmp_path
    )
    assert np.array_equal(again["train"]("q"), dataset.read_image("q")[:2].argmax(axis=0))
    assert np.array_equal(again["val"]("r"), again["train"]("p"))  # was there, so it was kept

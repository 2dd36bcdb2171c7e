"""Every dataset, as a tiny copy of its real tree, through the real command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import rasterio
from helpers import tiny
from helpers.command_line import refused, run_main
from helpers.copies import NAMES, copy_of
from PIL import Image as Pillow

from wsss.config.composing import compose_config
from wsss.data.base import Dataset
from wsss.data.files.raster import read_index_mask
from wsss.data.open import open_dataset
from wsss.data.types import IGNORE_INDEX, SPLITS

pytestmark = pytest.mark.slow

SMALL = [
    *(a for a in tiny.TINY if not a.startswith(("dataset.", "trainer.max", "pruning.", "segm"))),
    "trainer.max_epochs=2",
    "pruning.max_epochs=1",
    "segmenter.max_epochs=1",
    "segmenter.channels=[8,16]",
    "attention.scales=[1.0]",
    "tracking=none",
]
FAULTS = [(name, fault) for name in NAMES for fault in copy_of(name).FAULTS]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Trees that are only read."""
    made = {name: tmp_path_factory.mktemp(name) / "root" for name in NAMES}
    for name, root in made.items():
        copy_of(name).make(root)
    return made


def arguments(name: str, root: Path, outputs: Path) -> list[str]:
    return [
        f"dataset={name}",
        f"dataset.root={root}",
        "dataset.image_size=32",
        f"paths.outputs={outputs}",
        *SMALL,
        *copy_of(name).OVERRIDES,
    ]


def opened(overrides: list[str]) -> Dataset:
    return open_dataset(compose_config(*overrides).dataset)


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_passes_all_six_stages(
    name: str, roots: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = arguments(name, roots[name], tmp_path)
    status, printed, complaint = run_main(overrides, capsys)
    assert status == 0, printed + complaint

    (metrics,) = (m["metrics"] for m in tiny.manifests(tmp_path)["evaluate"])
    dataset = opened(overrides)
    _masks_fit_their_images(dataset, tmp_path)
    result = metrics["segmenter"]["test"]
    assert set(metrics["pseudo_mask"]) == {"train", "test"}
    assert list(result["iou"]) == list(dataset.info.classes)
    assert 0 <= result["miou"] <= 1
    assert result["images"] == result["images_of_split"] == len(dataset.ids("test"))
    assert ("top1" in metrics["classifier"]["test"]) != dataset.info.multi_label


def _masks_fit_their_images(dataset: Dataset, outputs: Path) -> None:
    sizes = set()
    for split in SPLITS:
        for image_id in dataset.ids(split):
            (path,) = outputs.glob(f"artifacts/generate/*/{split}/{image_id}.*")
            mask, allowed = read_index_mask(path), set(dataset.record(image_id).labels)
            if dataset.info.background is not None:
                allowed.add(dataset.info.background)
            assert mask.shape == dataset.size(image_id)
            assert set(mask.ravel().tolist()) <= allowed
            sizes.add(mask.shape)
            if path.suffix == ".tif":
                _lies_where_its_image_does(path, dataset.record(image_id).files[0], dataset)
    assert len(sizes) > 1 or dataset.georeference(dataset.ids("train")[0])


def _lies_where_its_image_does(path: Path, image: Path, dataset: Dataset) -> None:
    with rasterio.open(path) as mask, rasterio.open(image) as source:
        assert mask.crs == source.crs and mask.transform == source.transform
        assert mask.bounds == source.bounds and mask.nodata == IGNORE_INDEX
        assert mask.tags()["CLASS_0"] == dataset.info.classes[0]
        assert mask.colormap(1)[0][:3] == dataset.info.palette[0]


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_a_fault_gets_one_line(
    name: str,
    fault: str,
    roots: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = Path(shutil.copytree(roots[name], tmp_path / "root"))
    spoil, words = copy_of(name).FAULTS[fault]
    spoil(root)

    refused(arguments(name, root, tmp_path / "out"), capsys, *words)

    assert not list(tmp_path.glob("out/artifacts/*/*/manifest.json"))


@pytest.mark.parametrize("name", NAMES)
def test_an_unreadable_image_is_left_out_by_name(
    name: str, roots: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(roots[name], tmp_path / "root"))
    overrides = arguments(name, root, tmp_path / "out")
    dataset = opened(overrides)
    spoilt = dataset.ids("train")[0]
    path = dataset.record(spoilt).files[0]
    path.write_bytes(path.read_bytes()[:40])

    status, printed, complaint = run_main(
        [*overrides, "dataset.on_error=skip", "stage=train", "trainer.max_epochs=0"], capsys
    )

    assert status == 0, printed + complaint
    (manifest,) = tiny.manifests(tmp_path / "out")["train"]
    assert set(manifest["quarantined"]) == {spoilt}
    assert path.name in manifest["quarantined"][spoilt]
    index: Any = manifest["inputs"]["dataset"]["index"]["train"]
    assert index["images"] == len(dataset.ids("train")) - 1
    assert f"left out: {spoilt}" in printed


def test_masks_that_cannot_be_read_are_left_out_of_the_evaluation(
    roots: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(roots["folder"], tmp_path / "root"))
    overrides = [*arguments("folder", root, tmp_path / "out"), "dataset.on_error=skip"]
    dataset = opened(overrides)
    spoilt = dataset.ids("test")[0]
    (path,) = (root / "masks").glob(f"{spoilt}.*")
    Pillow.new("L", (3, 3)).save(path)

    status, printed, complaint = run_main(overrides, capsys)

    assert status == 0, printed + complaint
    (metrics,) = (m["metrics"] for m in tiny.manifests(tmp_path / "out")["evaluate"])
    assert set(metrics["unreadable_masks"]) == {spoilt}
    result = metrics["segmenter"]["test"]
    assert result["images"] == len(dataset.ids("test")) - 1 == result["images_of_split"] - 1


def test_what_unreadable_images_were_found_is_remembered(
    roots: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = arguments("folder", roots["folder"], tmp_path)
    for _ in range(2):
        status, *_ = run_main(
            [*overrides, "dataset.on_error=skip", "stage=train", "trainer.max_epochs=0"], capsys
        )
        assert status == 0
    kept = [json.loads(p.read_text()) for p in (tmp_path / "data" / "memory").glob("*.json")]
    answers = [memory["answer"] for memory in kept if "answer" in memory]  # others hold digests
    assert sorted(map(len, answers)) == [0, 2]  # no fault; mean and std

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.small_datasets import synthetic_config

from wsss.data.augment import AugmentConfig
from wsss.data.base import Dataset
from wsss.data.open import open_dataset
from wsss.data.statistics import band_statistics
from wsss.data.types import DatasetInfo, Georeference, Image, ImageRecord, Mask
from wsss.models.input_spec import InputSpec, prepare, standardise
from wsss.training.batches import EpochSampler
from wsss.training.samples import Batch, TrainingSamples, batches_of, build_loader

EVERYTHING = AugmentConfig(flip_horizontal=True, flip_vertical=True, rotate90=True, min_scale=0.5)
TURNS = AugmentConfig(flip_horizontal=True, flip_vertical=True, rotate90=True, min_scale=1.0)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("samples") / "scenes"
    changes = {"modality": "s2", "bands": ["B4", "B3"], "augment": EVERYTHING, "scenes_seed": 0}
    return open_dataset(synthetic_config(root, **changes))


def spec_of(dataset: Dataset, image_size: int) -> InputSpec:
    statistics = band_statistics(dataset)
    info = dataset.info
    return InputSpec(
        classes=list(info.classes),
        bands=list(info.bands),
        mean=statistics.mean,
        std=statistics.std,
        image_size=image_size,
        fit="resize",
        multi_label=True,
    )


class Numbered(Dataset):
    """Four images whose only band is also their mask: every pixel has a different number."""

    def __init__(self) -> None:
        info = DatasetInfo(
            name="numbered",
            classes=("a",),
            palette=((0, 0, 0),),
            bands=("n",),
            multi_label=True,
            display_bands=(0, 0, 0),
            display_range=(0.0, 1.0),
            background=None,
        )
        record = {name: ImageRecord(name, (), (0,)) for name in "abcd"}
        super().__init__(
            info,
            {"train": [record["a"], record["b"]], "val": [record["c"]], "test": [record["d"]]},
            {},
        )

    def read_image(self, image_id: str) -> Image:
        return self.read_mask(image_id)[None].astype(np.float32)

    def georeference(self, image_id: str) -> Georeference | None:
        return None

    def mask_files(self, image_id: str) -> tuple[Path, ...]:
        return ()

    def open_masks(self) -> Callable[[str], Mask]:
        raise AssertionError("training must not ask for pixel masks")

    def read_mask(self, image_id: str) -> Mask:
        return np.roll(np.arange(256, dtype=np.uint8).reshape(16, 16), ord(image_id), axis=0)


NUMBERED_SPEC = InputSpec(["a"], ["n"], [0.0], [1.0], 16, "resize", True)


def same(one: Batch, other: Batch) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_samples_hold_what_the_dataset_says(dataset: Dataset) -> None:
    spec = spec_of(dataset, 32)
    samples = TrainingSamples(dataset, "train", spec, augmentation=None, seed=0)
    assert len(samples) == 6
    for index, image_id in enumerate(dataset.ids("train")):
        sample = samples[0, index]
        assert sample.keys() == {"image", "labels"}
        assert torch.equal(sample["image"], standardise(dataset.read_image(image_id), spec))
        assert sample["labels"].tolist() == dataset.labels("train")[index].tolist()


def test_standardised_bands_have_mean_0_and_variance_1(dataset: Dataset) -> None:
    spec = spec_of(dataset, 32)
    every = torch.stack([prepare(dataset.read_image(i), spec) for i in dataset.ids("train")])
    assert every.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0], abs=1e-4)
    assert every.var(dim=(0, 2, 3)).tolist() == pytest.approx([1, 1], abs=1e-3)


def test_items_depend_on_epoch_and_index_only(dataset: Dataset) -> None:
    spec = spec_of(dataset, 24)
    samples = TrainingSamples(dataset, "train", spec, augmentation=EVERYTHING, seed=0, window=16)
    draws = [(epoch, index) for epoch in range(3) for index in range(6)]
    forward = {draw: samples[draw] for draw in draws}
    torch.manual_seed(4)
    np.random.seed(4)
    again = TrainingSamples(dataset, "train", spec, augmentation=EVERYTHING, seed=0, window=16)
    assert all(same(forward[draw], again[draw]) for draw in reversed(draws))
    assert forward[0, 0]["image"].shape == (2, 16, 16)
    other_seed = TrainingSamples(dataset, "train", spec, augmentation=EVERYTHING, seed=1, window=16)
    assert not any(same(forward[draw], other_seed[draw]) for draw in draws[:4])
    assert not same(forward[0, 0], forward[1, 0])


def test_batches_do_not_depend_on_the_number_of_workers(dataset: Dataset) -> None:
    samples = TrainingSamples(
        dataset, "train", spec_of(dataset, 32), augmentation=EVERYTHING, seed=0
    )

    def batches(num_workers: int) -> list[Batch]:
        loader = build_loader(samples, batch_size=4, seed=0, shuffle=True, num_workers=num_workers)
        found: list[Batch] = []
        for epoch in (0, 1):
            batches_of(loader).sampler.set_epoch(epoch)
            found += list(loader)
        return found

    alone, shared = batches(0), batches(2)
    assert [len(batch["image"]) for batch in alone] == [4, 2, 4, 2]
    assert all(same(one, other) for one, other in zip(alone, shared, strict=True))


@pytest.mark.parametrize("augmentation", [None, TURNS])
def test_image_and_mask_are_cut_and_turned_alike(augmentation: AugmentConfig | None) -> None:
    numbered = Numbered()
    samples = TrainingSamples(
        numbered,
        "train",
        NUMBERED_SPEC,
        augmentation=augmentation,
        seed=0,
        window=6,
        read_mask=numbered.read_mask,
    )
    seen = set()
    for epoch in range(20):
        sample = samples[epoch, 1]
        assert sample["image"].shape == (1, 6, 6) and sample["mask"].shape == (6, 6)
        assert sample["mask"].dtype == torch.int64
        assert torch.equal(sample["image"][0].long(), sample["mask"])
        seen.add(int(sample["mask"][0, 0]))
    assert len(seen) > 10


def test_windows_reach_every_corner_and_stay_inside() -> None:
    samples = TrainingSamples(
        Numbered(), "train", NUMBERED_SPEC, augmentation=None, seed=0, window=15
    )
    corners = {float(samples[epoch, 0]["image"][0, 0, 0]) for epoch in range(40)}
    assert len(corners) == 4


def test_a_window_of_the_whole_image_cuts_nothing() -> None:
    samples = TrainingSamples(
        Numbered(), "train", NUMBERED_SPEC, augmentation=None, seed=0, window=16
    )
    assert torch.equal(samples[0, 0]["image"][0], torch.from_numpy(Numbered().read_image("a")[0]))


def test_resized_masks_hold_classes_that_were_there() -> None:
    numbered = Numbered()
    spec = InputSpec(["a"], ["n"], [0.0], [1.0], 24, "resize", True)
    sample = TrainingSamples(
        numbered, "train", spec, augmentation=None, seed=0, read_mask=numbered.read_mask
    )[0, 0]
    assert sample["image"].shape == (1, 24, 24) and sample["mask"].shape == (24, 24)
    assert len(set(sample["mask"].flatten().tolist())) == 256
    half = InputSpec(["a"], ["n"], [0.0], [1.0], 8, "resize", True)
    sample = TrainingSamples(
        numbered, "train", half, augmentation=None, seed=0, read_mask=numbered.read_mask
    )[0, 0]
    assert len(set(sample["mask"].flatten().tolist())) == 64


def test_order_differs_between_epochs_and_is_the_same_for_the_same() -> None:
    def order(seed: int, epoch: int, shuffle: bool = True) -> list[tuple[int, int]]:
        sampler = EpochSampler(range(50), seed, shuffle)
        sampler.set_epoch(epoch)
        assert len(sampler) == 50
        return list(sampler)

    assert order(0, 3) == order(0, 3)
    indices = [[index for _, index in order(seed, epoch)] for seed in (0, 1) for epoch in (0, 1)]
    assert all(sorted(found) == list(range(50)) for found in indices)
    assert len({tuple(found) for found in indices}) == 4
    assert {epoch for epoch, _ in order(0, 7)} == {7}
    assert order(0, 2, shuffle=False) == [(2, index) for index in range(50)]

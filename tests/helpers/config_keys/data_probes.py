"""Probes of what a dataset hands out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from helpers.config_keys.laboratory import Laboratory, Overrides
from wsss.data.open import open_dataset
from wsss.data.types import SPLITS
from wsss.errors import UserError
from wsss.stages import classifier
from wsss.training.samples import TrainingSamples


def opened(laboratory: Laboratory, overrides: Overrides) -> object:
    """All that a dataset hands out, but for its pixel masks."""
    _, dataset = laboratory.opened(overrides)
    splits = {split: (dataset.ids(split), dataset.labels(split).tolist()) for split in SPLITS}
    images = [dataset.read_image(dataset.ids(split)[0]).tolist() for split in SPLITS]
    return type(dataset), dataset.info, splits, images


def masked(laboratory: Laboratory, overrides: Overrides) -> object:
    """Pixel masks of a dataset."""
    _, dataset = laboratory.opened(overrides)
    read = dataset.open_masks()
    return [read(image_id).tolist() for image_id in dataset.ids("test")]


def sampled(laboratory: Laboratory, overrides: Overrides) -> object:
    """Augmented training images over some epochs."""
    config, dataset = laboratory.opened(overrides)
    spec = classifier.input_spec(config, dataset)
    samples = TrainingSamples(
        dataset, "train", spec, augmentation=config.dataset.augment, seed=config.seed
    )
    return [samples[epoch, 0]["image"].tolist() for epoch in range(8)]


def decoded(laboratory: Laboratory, overrides: Overrides) -> object:
    """The shape of an image, or why it is refused."""
    _, dataset = laboratory.opened(overrides)
    return outcome(lambda: str(dataset.read_image(dataset.ids("train")[0]).shape))


def files_read(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether an image can be read a second time once its file is gone."""
    copy = laboratory.scratch() / "copy"
    config, dataset = laboratory.opened(overrides)
    shutil.copytree(config.dataset.root, copy)
    dataset = open_dataset(replace(config.dataset, root=str(copy)))
    first = dataset.ids("train")[0]
    dataset.read_image(first)
    for path in dataset.record(first).files:
        path.unlink()
    return outcome(lambda: str(dataset.read_image(first).shape))


def place(laboratory: Laboratory, overrides: Overrides) -> object:
    """The folder that the images are read from."""
    _, dataset = laboratory.opened(overrides)
    return dataset.record(dataset.ids("train")[0]).files[0].parents[2]


def other_tree(laboratory: Laboratory, overrides: Overrides) -> object:
    """Names of the files of the dataset's tree."""
    config, _ = laboratory.opened(overrides)
    root = Path(config.dataset.root)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.csv"))


def spoilt(laboratory: Laboratory, overrides: Overrides) -> object:
    """What comes of an image that cannot be read."""
    copy = laboratory.scratch() / "copy"
    config = laboratory.config(overrides)
    shutil.copytree(laboratory.root / "folder", copy)
    (copy / "images" / "p0.png").write_text("no picture")
    dataset = replace(config.dataset, root=str(copy))
    return outcome(lambda: str(list(open_dataset(dataset).quarantined)))


def outcome(action: Callable[[], str]) -> str:
    """What came of it: a result, or the message for the user."""
    try:
        return action()
    except UserError as error:
        return f"refused: {error}"

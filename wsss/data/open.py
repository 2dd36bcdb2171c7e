"""Open the dataset that a configuration describes."""

from __future__ import annotations

from pathlib import Path

from wsss.data.base import Dataset
from wsss.data.quarantine import find_unreadable
from wsss.data.registry import DATASETS
from wsss.data.settings import DatasetSettings

_CLASS_OF = {dataset.config_class: dataset for dataset in DATASETS.values()}


def open_dataset(config: DatasetSettings, memory: Path | None = None) -> Dataset:
    """Open a dataset; synthetic scenes are written first if they are missing.

    Args:
        config: configuration of a dataset in `DATASETS`.
        memory: folder that keeps digests of files, and which images are unreadable.

    Raises:
        UserError: names what is missing or wrong.
        TypeError: the configuration is not that of a known dataset.
    """
    dataset = list_dataset(config)
    dataset.memory = memory
    if config.on_error == "skip":
        dataset.leave_out(find_unreadable(dataset, memory))
    return dataset


def list_dataset(config: DatasetSettings) -> Dataset:
    """Like `open_dataset`, but reads no image, so that unreadable ones stay in their splits."""
    if type(config) not in _CLASS_OF:
        raise TypeError(f"no dataset has a configuration of type {type(config).__name__}")
    return _CLASS_OF[type(config)](config)

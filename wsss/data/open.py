"""From a configuration to the dataset that it describes."""

from __future__ import annotations

from pathlib import Path

from wsss.data.base import Dataset
from wsss.data.datasets.ade20k import Ade20kConfig, Ade20kDataset
from wsss.data.datasets.cityscapes import CityscapesConfig, CityscapesDataset
from wsss.data.datasets.coco import CocoConfig, CocoDataset
from wsss.data.datasets.dfc import DfcConfig, DfcDataset
from wsss.data.datasets.folder import FolderConfig, FolderDataset
from wsss.data.datasets.kvasir import KvasirConfig, KvasirDataset
from wsss.data.datasets.synthetic import SyntheticConfig, prepare_synthetic
from wsss.data.datasets.voc import VocConfig, VocDataset
from wsss.data.quarantine import find_unreadable
from wsss.data.settings import DatasetSettings

#: The configuration behind each ``kind`` of dataset.
KINDS: dict[str, type[DatasetSettings]] = {
    "synthetic": SyntheticConfig,
    "dfc": DfcConfig,
    "voc": VocConfig,
    "coco": CocoConfig,
    "ade20k": Ade20kConfig,
    "cityscapes": CityscapesConfig,
    "kvasir": KvasirConfig,
    "folder": FolderConfig,
}


def open_dataset(config: DatasetSettings, memory: Path | None = None) -> Dataset:
    """Open a dataset, writing synthetic scenes if need be.

    Args:
        config: of one of the datasets of this package.
        memory: folder that remembers which images are unreadable, where those are left out.

    Raises:
        UserError: names what is missing or wrong.
        TypeError: for a configuration of no known dataset.
    """
    dataset = list_dataset(config)
    if config.on_error == "skip":
        dataset.leave_out(find_unreadable(dataset, memory))
    return dataset


def list_dataset(config: DatasetSettings) -> Dataset:
    """As `open_dataset`, without reading any image: unreadable ones are still in their splits."""
    match config:
        case SyntheticConfig():
            prepare_synthetic(config)
            return DfcDataset(config)
        case DfcConfig():
            return DfcDataset(config)
        case VocConfig():
            return VocDataset(config)
        case CocoConfig():
            return CocoDataset(config)
        case Ade20kConfig():
            return Ade20kDataset(config)
        case CityscapesConfig():
            return CityscapesDataset(config)
        case KvasirConfig():
            return KvasirDataset(config)
        case FolderConfig():
            return FolderDataset(config)
    raise TypeError(f"no dataset has a configuration of type {type(config).__name__}")

"""The datasets of this package."""

from __future__ import annotations

from typing import Any, Protocol

from wsss.data.base import Dataset
from wsss.data.datasets.ade20k import Ade20kDataset
from wsss.data.datasets.cityscapes import CityscapesDataset
from wsss.data.datasets.coco import CocoDataset
from wsss.data.datasets.dfc import DfcDataset
from wsss.data.datasets.folder import FolderDataset
from wsss.data.datasets.kvasir import KvasirDataset
from wsss.data.datasets.synthetic import SyntheticDataset
from wsss.data.datasets.voc import VocDataset
from wsss.data.mask_labels import MaskLabels
from wsss.data.settings import DatasetSettings


class DatasetClass(Protocol):
    """A concrete subclass of `Dataset`, which is opened by calling it with its configuration."""

    @property
    def config_class(self) -> type[DatasetSettings]:
        """See `Dataset`."""

    @property
    def mask_labels(self) -> MaskLabels | None:
        """See `Dataset`."""

    def __call__(self, config: Any) -> Dataset:
        """Open the dataset that a configuration of `config_class` describes."""


DATASETS: dict[str, DatasetClass] = {
    "synthetic": SyntheticDataset,
    "dfc": DfcDataset,
    "voc": VocDataset,
    "coco": CocoDataset,
    "ade20k": Ade20kDataset,
    "cityscapes": CityscapesDataset,
    "kvasir": KvasirDataset,
    "folder": FolderDataset,
}
"""Each dataset by the ``kind`` that its YAML file in conf/dataset names."""

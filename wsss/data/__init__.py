"""Datasets: images with image-level labels, and pixel masks for evaluation alone."""

from __future__ import annotations

from wsss.data.augment import AugmentConfig, augment
from wsss.data.base import (
    IGNORE_INDEX,
    SPLITS,
    Dataset,
    DatasetInfo,
    Georeference,
    Image,
    Mask,
    Record,
    Split,
)
from wsss.data.dfc import DfcConfig, DfcDataset
from wsss.data.folder import FolderConfig, FolderDataset
from wsss.data.raster import mask_suffix, read_index_mask, write_mask
from wsss.data.synthetic import SyntheticConfig, prepare_synthetic

__all__ = [
    "IGNORE_INDEX",
    "SPLITS",
    "AugmentConfig",
    "Dataset",
    "DatasetConfig",
    "DatasetInfo",
    "DfcConfig",
    "DfcDataset",
    "FolderConfig",
    "FolderDataset",
    "Georeference",
    "Image",
    "Mask",
    "Record",
    "Split",
    "SyntheticConfig",
    "augment",
    "mask_suffix",
    "open_dataset",
    "prepare_synthetic",
    "read_index_mask",
    "write_mask",
]


DatasetConfig = SyntheticConfig | DfcConfig | FolderConfig


def open_dataset(config: DatasetConfig) -> Dataset:
    """Open the dataset that a configuration describes, writing synthetic scenes if need be."""
    if isinstance(config, SyntheticConfig):
        prepare_synthetic(config)
    if isinstance(config, DfcConfig):
        return DfcDataset(config)
    return FolderDataset(config)

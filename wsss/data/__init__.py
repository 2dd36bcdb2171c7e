"""Datasets: images with image-level labels, and pixel masks for evaluation alone."""

from __future__ import annotations

from wsss.data.ade20k import Ade20kConfig, Ade20kDataset
from wsss.data.augment import AugmentConfig, augment
from wsss.data.base import Dataset
from wsss.data.cityscapes import CityscapesConfig, CityscapesDataset
from wsss.data.coco import CocoConfig, CocoDataset
from wsss.data.dfc import DfcConfig, DfcDataset
from wsss.data.folder import FolderConfig, FolderDataset
from wsss.data.kvasir import KvasirConfig, KvasirDataset
from wsss.data.open import KINDS, open_dataset
from wsss.data.raster import mask_suffix, read_index_mask, write_mask
from wsss.data.settings import DatasetSettings
from wsss.data.synthetic import SyntheticConfig, prepare_synthetic
from wsss.data.types import (
    IGNORE_INDEX,
    SPLITS,
    DatasetInfo,
    Georeference,
    Image,
    Mask,
    Record,
    Split,
)
from wsss.data.voc import VocConfig, VocDataset

__all__ = [
    "IGNORE_INDEX",
    "KINDS",
    "SPLITS",
    "Ade20kConfig",
    "Ade20kDataset",
    "AugmentConfig",
    "CityscapesConfig",
    "CityscapesDataset",
    "CocoConfig",
    "CocoDataset",
    "Dataset",
    "DatasetInfo",
    "DatasetSettings",
    "DfcConfig",
    "DfcDataset",
    "FolderConfig",
    "FolderDataset",
    "Georeference",
    "Image",
    "KvasirConfig",
    "KvasirDataset",
    "Mask",
    "Record",
    "Split",
    "SyntheticConfig",
    "VocConfig",
    "VocDataset",
    "augment",
    "mask_suffix",
    "open_dataset",
    "prepare_synthetic",
    "read_index_mask",
    "write_mask",
]

"""DFC2020: the IEEE GRSS Data Fusion Contest 2020."""

from __future__ import annotations

from dataclasses import dataclass

from wsss.data.datasets.dfc_land_cover import MASK_LABELS
from wsss.data.datasets.dfc_patches import DfcTreeDataset, DfcTreeSettings

PATCHES = {"test": 5128, "validation": 986}
"""Number of patches that the providers put into each folder."""


@dataclass(frozen=True)
class DfcConfig(DfcTreeSettings):
    """The tree of DFC2020."""


class DfcDataset(DfcTreeDataset):
    """The patches of DFC2020."""

    config_class = DfcConfig
    mask_labels = MASK_LABELS

    def expected_patches(self, folder: str) -> int:
        """See `DfcTreeDataset.expected_patches`."""
        return PATCHES[folder]

"""Bands of DFC2020: their selection, physical values and display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsss.data.datasets.dfc_tree import BANDS
from wsss.errors import UserError

MODALITIES = {"s2": ("s2",), "s1": ("s1",), "s1s2": ("s2", "s1")}
"""Sensors of each modality, in the order in which their bands are stacked."""

_S2_SCALE = np.float32(1e4)
_S1_RANGE = (-25.0, 0.0)
_DISPLAY_RANGE = {"s2": (0.0, 0.3), "s1": _S1_RANGE}


def choose_bands(modality: str, bands: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the bands to use; ``None`` selects all bands of the modality.

    Raises:
        UserError: for an unknown modality, or an unknown, duplicate or missing band.
    """
    if modality not in MODALITIES:
        raise UserError(f"modality={modality}: valid: {', '.join(MODALITIES)}")
    available = tuple(band for sensor in MODALITIES[modality] for band in BANDS[sensor])
    if bands is None:
        return available
    valid = f"valid with modality={modality}: {', '.join(available)}"
    if not bands:
        raise UserError(f"bands is empty; {valid}")
    for band in bands:
        if band not in available:
            raise UserError(f"band '{band}' is unknown; {valid}")
        if list(bands).count(band) > 1:
            raise UserError(f"duplicate band '{band}' in bands")
    return tuple(bands)


def to_physical(band: str, stored: NDArray[Any], values: NDArray[np.float32]) -> None:
    """Write the reflectance in 0..1 or dB in -25..0 of a band ``[H, W]`` to `values`.

    NaN in Sentinel-1 means that no echo was measured and becomes -25 dB.
    """
    if band in BANDS["s2"]:
        np.divide(stored, _S2_SCALE, out=values)
        np.clip(values, 0, 1, out=values)
    else:
        values[:] = stored
        np.nan_to_num(values, copy=False, nan=_S1_RANGE[0])
        np.clip(values, *_S1_RANGE, out=values)


def display(bands: Sequence[str]) -> tuple[tuple[int, int, int], tuple[float, float]]:
    """Indices of the three bands to display, true colour if available, and their value range."""
    if {"B4", "B3", "B2"} <= set(bands):
        return (bands.index("B4"), bands.index("B3"), bands.index("B2")), _DISPLAY_RANGE["s2"]
    sensor = "s2" if bands[0] in BANDS["s2"] else "s1"
    same = [index for index, band in enumerate(bands) if band in BANDS[sensor]]
    same += [same[-1]] * 2
    return (same[0], same[1], same[2]), _DISPLAY_RANGE[sensor]

"""Statistics of the values that images hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from wsss.data.datasets.folder import FolderConfig, FolderDataset
from wsss.data.statistics import band_statistics

Make = Callable[..., FolderConfig]


def test_values_without_data_are_left_out(pets: Path, make_folder: Make) -> None:
    data = FolderDataset(make_folder(pets))
    held: list[np.ndarray] = []
    for image_id in data.ids("train"):
        path = data.record(image_id).files[0]
        values = np.random.default_rng(len(held)).random((3, 8, 9), np.float32)
        held.append(values[:, :, 4:].copy())
        values[:, :, :4] = -9999
        path.unlink()
        with rasterio.open(
            path.with_suffix(".tif"),
            "w",
            driver="GTiff",
            count=3,
            height=8,
            width=9,
            dtype="float32",
            nodata=-9999,
        ) as target:
            target.write(values)
    every = np.concatenate([h.reshape(3, -1) for h in held], axis=1).astype(np.float64)
    found = band_statistics(FolderDataset(make_folder(pets)))
    assert found.mean == pytest.approx(every.mean(axis=1).tolist())
    assert found.std == pytest.approx(every.std(axis=1).tolist())

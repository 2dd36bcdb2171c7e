"""Mean and standard deviation of each band over a split, computed once and stored."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wsss.data.base import Dataset, Split
from wsss.progress import track


class BandStatistics(NamedTuple):
    """One number per band, in the dataset's physical units."""

    mean: list[float]
    std: list[float]


def band_statistics(dataset: Dataset, split: Split = "train") -> BandStatistics:
    """Statistics over every pixel of every image of a split; a constant band gets std 1."""
    bands = len(dataset.info.bands)
    total, squares, count = np.zeros(bands), np.zeros(bands), 0
    for image_id in track(dataset.ids(split), "band statistics"):
        pixels = dataset.read_image(image_id).reshape(bands, -1).astype(np.float64)
        total += pixels.sum(axis=1)
        squares += (pixels**2).sum(axis=1)
        count += pixels.shape[1]
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    std = np.where(std > 1e-9, std, 1.0)
    return BandStatistics([float(m) for m in mean], [float(s) for s in std])

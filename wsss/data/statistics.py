"""Mean and standard deviation of each band over a split, computed once and stored."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsss.data.base import Dataset
from wsss.data.memory import remembered
from wsss.data.types import Split
from wsss.progress import track

_VERSION = 2  # raise when the same files give other numbers


class BandStatistics(NamedTuple):
    """One number per band, in the dataset's physical units."""

    mean: list[float]
    std: list[float]


def band_statistics(
    dataset: Dataset, split: Split = "train", memory: Path | None = None
) -> BandStatistics:
    """Statistics over all values of all images of a split, those without data left out.

    A band that is constant, or never holds data, gets std 1.

    Args:
        dataset: its images are read, not its masks.
        split: the images to read.
        memory: folder that keeps the result for these images and bands.
    """
    question = {
        "version": _VERSION,
        "dataset": [type(dataset).__name__, dataset.info.name, *dataset.info.bands],
        "images": dataset.index(split),
    }
    return BandStatistics(**remembered(memory, question, lambda: _compute(dataset, split)))


def _compute(dataset: Dataset, split: Split) -> dict[str, list[float]]:
    def sums(image_id: str) -> NDArray[np.float64]:
        """Sum, sum of squares and number of values, ``[3, bands]``."""
        image = dataset.read_image(image_id)
        pixels = image.reshape(len(image), -1).astype(np.float64)
        counts = np.full(len(image), float(pixels.shape[1]))
        if np.isnan(pixels).any():
            counts = np.isfinite(pixels).sum(axis=1).astype(np.float64)
            pixels = np.nan_to_num(pixels)
        return np.stack([pixels.sum(axis=1), (pixels**2).sum(axis=1), counts])

    ids = dataset.ids(split)
    every = np.zeros((3, len(dataset.info.bands)))
    with ThreadPoolExecutor() as threads:  # results come in the order of the ids
        for parts in track(threads.map(sums, ids), "band statistics", len(ids)):
            every += parts
    total, squares, count = every[0], every[1], np.maximum(every[2], 1)
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    std = np.where(std > 1e-9, std, 1.0)
    return {"mean": [float(m) for m in mean], "std": [float(s) for s in std]}

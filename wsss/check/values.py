"""Values of images: ranges by band, and images that stand out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsss.check.report import BandRange, Finding
from wsss.data.base import Dataset
from wsss.data.memory import remembered
from wsss.data.types import SPLITS
from wsss.errors import UserError
from wsss.progress import track

_VERSION = 1  # raise when the same files give other numbers
_QUANTILES = (0.0, 0.01, 0.5, 0.99, 1.0)
_PIXELS = 2**14
"""Pixels of an image that quantiles are taken of, evenly spread; extremes are of all."""
_FAR = 8.0
"""Robust deviations from the other images at which an image stands out."""


class ImageValues(NamedTuple):
    """Values of one image."""

    image_id: str
    quantiles: NDArray[np.float64]
    """``[bands, 5]``: least, 1 %, median, 99 % and most; NaN for a band without data."""
    no_data: NDArray[np.float64]
    """``[bands]``, share of values without data."""


def image_values(dataset: Dataset, without: Collection[str]) -> list[ImageValues]:
    """Values of every image but those in ``without``; each is read once, and remembered."""
    ids = [i for split in SPLITS for i in dataset.ids(split) if i not in without]

    def measure(image_id: str) -> list[list[float]]:
        try:
            image = dataset.read_image(image_id)
        except UserError:  # reported as unreadable
            return []
        return [_band(values.ravel()) for values in image]

    def every() -> list[list[list[float]]]:
        with ThreadPoolExecutor() as threads:
            return list(track(threads.map(measure, ids), "values", len(ids)))

    states = [dataset.index(split) for split in SPLITS] if not without else ids
    question = [_VERSION, type(dataset).__name__, dataset.info.bands, states]
    found = remembered(None if without else dataset.memory, question, every)
    rows = [(i, np.array(rows, np.float64)) for i, rows in zip(ids, found, strict=True) if rows]
    return [ImageValues(i, table[:, :-1], table[:, -1]) for i, table in rows]


def _band(values: NDArray[np.float32]) -> list[float]:
    held = values[~np.isnan(values)]
    share = 1 - held.size / values.size
    if not held.size:
        return [float("nan")] * len(_QUANTILES) + [share]
    some = held[:: max(1, held.size // _PIXELS)]
    middle = np.quantile(some, _QUANTILES[1:-1]).tolist()
    return [float(held.min()), *middle, float(held.max()), share]


def band_ranges(dataset: Dataset, values: Sequence[ImageValues]) -> tuple[BandRange, ...]:
    """The values of each band over all images that hold data."""
    ranges = []
    for number, band in enumerate(dataset.info.bands):
        rows = np.array([image.quantiles[number] for image in values])
        held = rows[~np.isnan(rows).any(axis=1)] if len(rows) else rows
        if not len(held):
            continue
        low, median, high = np.median(held[:, 1:4], axis=0).tolist()
        empty = float(np.mean([image.no_data[number] for image in values]))
        least, most = float(held[:, 0].min()), float(held[:, 4].max())
        ranges.append(BandRange(band, least, low, median, high, most, empty))
    return tuple(ranges)


def value_findings(values: Sequence[ImageValues]) -> list[Finding]:
    """Warnings that name images without data, of one value, and in other units than the others."""
    empty = [v.image_id for v in values if np.isnan(v.quantiles).all()]
    held = [v for v in values if not np.isnan(v.quantiles).any()]
    flat = [v.image_id for v in held if (v.quantiles[:, 0] == v.quantiles[:, -1]).all()]
    rest = [v for v in held if v.image_id not in set(flat)]
    return [
        *_named(empty, "no pixel holds data"),
        *_named(flat, "every pixel has the same value"),
        *_named(_far(rest), "values far from those of the other images: are they in other units?"),
    ]


def _far(images: Sequence[ImageValues]) -> list[str]:
    """Images whose typical magnitude is far from the others', on a logarithmic scale."""
    if len(images) < 5:
        return []
    size = np.log1p(np.array([np.abs(v.quantiles[:, 3]).mean() for v in images]) * 1e4)
    middle = np.median(size)
    spread = max(1.4826 * float(np.median(np.abs(size - middle))), 0.1)
    off = np.abs(size - middle) / spread > _FAR
    return [v.image_id for v, far in zip(images, off, strict=True) if far]


def _named(ids: Sequence[str], what: str) -> list[Finding]:
    return [Finding("warning", "values", f"image '{image_id}': {what}") for image_id in ids]

"""Images and image ids for display."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsss.data.types import DatasetInfo, Image

_MOST_LETTERS = 26


def display_colours(image: Image, info: DatasetInfo) -> NDArray[np.floating]:
    """``[H, W, 3]`` in [0, 1]: red, green and blue as `DatasetInfo` defines them; NaN is black."""
    low, high = info.display_range
    bands = image[list(info.display_bands)].transpose(1, 2, 0)
    scaled: NDArray[np.floating] = np.nan_to_num(np.clip((bands - low) / (high - low), 0, 1))
    return scaled


def short_id(image_id: str) -> str:
    """An id shortened to fit above a picture; its end is kept, where ids differ most."""
    return image_id if len(image_id) <= _MOST_LETTERS else "…" + image_id[1 - _MOST_LETTERS :]

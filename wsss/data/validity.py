"""Which pixels of an image hold data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsss.data.types import Image


def valid_pixels(image: Image) -> NDArray[np.bool_]:
    """``[H, W]``: whether any band holds data.

    A value without data is NaN. A pixel counts as GDAL counts it: it is invalid only where all
    bands are, so that a reflectance that equals the nodata value of one band costs no pixel.
    """
    return ~np.asarray(np.isnan(image).all(axis=0))

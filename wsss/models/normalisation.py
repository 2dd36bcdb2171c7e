"""Mean and deviation of the images that pretrained encoders were trained on."""

from __future__ import annotations

from collections.abc import Sequence

from wsss.data.statistics import BandStatistics
from wsss.errors import UserError

NORMALISATIONS = ("dataset", "imagenet")
_IMAGENET = {"red": (0.485, 0.229), "green": (0.456, 0.224), "blue": (0.406, 0.225)}
"""Mean and deviation of values in [0, 1] (Russakovsky et al., IJCV 2015)."""


def imagenet_statistics(bands: Sequence[str], display_range: tuple[float, float]) -> BandStatistics:
    """ImageNet's mean and deviation, in the units of a dataset.

    Args:
        bands: names of bands; each must be red, green or blue.
        display_range: the values of black and white.

    Raises:
        UserError: another band.
    """
    if strange := [band for band in bands if band not in _IMAGENET]:
        raise UserError(
            f"model.normalisation=imagenet knows the bands {', '.join(_IMAGENET)}, not "
            f"'{strange[0]}'; set model.normalisation=dataset"
        )
    black, white = display_range
    known = [_IMAGENET[band] for band in bands]
    return BandStatistics(
        mean=[black + (white - black) * mean for mean, _ in known],
        std=[(white - black) * std for _, std in known],
    )

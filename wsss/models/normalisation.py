"""Mean and deviation of the images that pretrained encoders were trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wsss.data.statistics import BandStatistics
from wsss.errors import UserError

_BANDS = ("red", "green", "blue")
KNOWN: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # Russakovsky et al., IJCV 2015
    "clip": (  # Radford et al., ICML 2021
        (0.48145466, 0.4578275, 0.40821073),
        (0.26862954, 0.26130258, 0.27577711),
    ),
    "sat493m": ((0.430, 0.411, 0.296), (0.213, 0.156, 0.143)),  # DINOv3 of satellite images
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""Mean and deviation of red, green and blue, for values in [0, 1]."""
NORMALISATIONS = ("dataset", *KNOWN)


def known_statistics(
    name: str, bands: Sequence[str], display_range: tuple[float, float]
) -> BandStatistics:
    """One of `KNOWN` in the units of a dataset.

    Args:
        name: which.
        bands: names of bands; each must be red, green or blue.
        display_range: the values of black and white.

    Raises:
        UserError: another band.
    """
    if strange := [band for band in bands if band not in _BANDS]:
        raise UserError(
            f"model.normalisation={name} knows the bands {', '.join(_BANDS)}, not "
            f"'{strange[0]}'; set model.normalisation=dataset"
        )
    black, white = display_range
    mean, std = (dict(zip(_BANDS, values, strict=True)) for values in KNOWN[name])
    return BandStatistics(
        mean=[black + (white - black) * mean[band] for band in bands],
        std=[(white - black) * std[band] for band in bands],
    )


def name_of(mean: Sequence[float], std: Sequence[float]) -> str | None:
    """The name of a mean and deviation, ``None`` if they have none."""
    for name, values in KNOWN.items():
        given = zip((*mean, *std), (*values[0], *values[1]), strict=False)
        if len(mean) == len(std) == len(_BANDS) and all(abs(a - b) < 1e-3 for a, b in given):
            return name
    return None

"""What every dataset's configuration has in common."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from wsss.checks import check_choice, check_least
from wsss.data.augment import AugmentConfig

FITS = ("resize", "pad")
ON_ERROR = ("raise", "skip")


@dataclass(frozen=True)
class DatasetSettings:
    """Where a dataset lies and how its images come to the networks."""

    name: str
    root: str
    """Folder of the dataset as its providers ship it."""
    image_size: int
    """Side in pixels of the square that networks are trained on."""
    fit: str
    """How an image is brought to that square, one of `FITS`.

    ``resize`` changes its aspect ratio; ``pad`` keeps it and fills the rest with the mean of each
    band, which no mask counts.
    """
    cache_mb: int
    """Memory in MiB for decoded images in each process, 0 for none."""
    on_error: str
    """What an unreadable image leads to: ``raise`` stops, ``skip`` leaves it out by name."""
    augment: AugmentConfig

    def determining(self) -> dict[str, Any]:
        """The settings that determine results, JSON-ready, besides the index of the images.

        Where files lie and how the splits came about says nothing that the index does not.
        """
        return {"image_size": self.image_size, "fit": self.fit, "augment": asdict(self.augment)}

    def __post_init__(self) -> None:
        check_choice("dataset.fit", self.fit, FITS)
        check_choice("dataset.on_error", self.on_error, ON_ERROR)
        check_least("dataset.image_size", self.image_size, 1)
        check_least("dataset.cache_mb", self.cache_mb, 0)

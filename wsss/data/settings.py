"""Settings that every dataset has."""

from __future__ import annotations

from abc import ABC
from dataclasses import asdict, dataclass
from typing import Any

from wsss.checks import check_between, check_choice, check_folder, check_least, check_plain_name
from wsss.data.augment import AugmentConfig

FITS = ("resize", "pad", "keep")
ON_ERROR = ("raise", "skip")


@dataclass(frozen=True)
class DatasetSettings(ABC):
    """Where a dataset is stored and how its images are fed to the networks."""

    name: str
    """Name of the dataset in results and output folders, see `wsss.checks.check_plain_name`."""
    root: str
    """Folder of the dataset, laid out as its providers ship it."""
    image_size: int
    """Side in pixels of the square input of the networks."""
    fit: str
    """How an image is fitted to that square, one of `FITS`.

    ``resize`` changes the aspect ratio; ``pad`` keeps it and fills the rest with the mean of each
    band, where masks are ignored. ``keep`` keeps it too, up to whole patches, and fills nothing;
    it needs a frozen encoder, and the segmenter pads instead.
    """
    cache_mb: int
    """Memory in MiB that each process uses to cache decoded images, 0 for no cache."""
    max_pixels: int
    """Most values (pixels times bands) of an image; a larger one is refused before it is read."""
    on_error: str
    """Handling of an unreadable image: ``raise`` stops, ``skip`` leaves it out and lists it."""
    augment: AugmentConfig
    """Random changes to training images."""

    def determining(self) -> dict[str, Any]:
        """The settings that determine results, apart from the index of images; JSON-ready.

        Paths and the settings of splits are left out: the index covers their effect.
        """
        return {"image_size": self.image_size, "fit": self.fit, "augment": asdict(self.augment)}

    def __post_init__(self) -> None:
        check_plain_name("dataset.name", self.name)
        check_folder("dataset.root", self.root)
        check_choice("dataset.fit", self.fit, FITS)
        check_choice("dataset.on_error", self.on_error, ON_ERROR)
        check_between("dataset.image_size", self.image_size, 1, 2**20)
        check_least("dataset.cache_mb", self.cache_mb, 0)
        check_between("dataset.max_pixels", self.max_pixels, 1, 2**36)

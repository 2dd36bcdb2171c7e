"""Kvasir-SEG, and EndoTect's HyperKvasir: frames of colonoscopies with or without a polyp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsss.data.files.raster import read_picture
from wsss.data.holdout import hold_out
from wsss.data.pictures import PictureDataset, picture_info
from wsss.data.quarantine import Quarantine
from wsss.data.settings import DatasetSettings
from wsss.data.types import Count, ImageRecord, Mask, Split
from wsss.errors import UserError

CLASSES = ("normal", "polyp")
SEGMENTED_IMAGES = 1000
"""Number of images with a polyp mask, in Kvasir-SEG and in EndoTect."""
NEGATIVES = {"bbps-2-3": 1148, "cecum": 1009, "ileum": 9, "retroflex-rectum": 391}
"""Number of images in HyperKvasir's folders of the lower tract that show no finding."""

_NORMAL, _POLYP = range(len(CLASSES))
_PALETTE = ((0, 0, 0), (240, 90, 60))
_MAX_GRAY_SHARE = 0.1


@dataclass(frozen=True)
class KvasirConfig(DatasetSettings):
    """Frames with and without a polyp; folders are relative to `root` or absolute."""

    images: str
    """Folder of images ``<id>.jpg`` that show a polyp."""
    masks: str
    """Folder of masks ``<id>.jpg``, white on the polyp."""
    negatives: list[str]
    """Folders of images ``<id>.jpg`` that show no polyp."""
    val_images: int
    """Number of images held out for ``val``, polyps and negatives in proportion."""
    test_images: int
    """Number of images held out for ``test``, polyps and negatives in proportion."""


class KvasirDataset(PictureDataset):
    """Frames with exactly one label: normal (the background) or polyp.

    If the folder of masks exists, each polyp image must have a mask and each mask an image;
    without the folder everything except evaluation works. In the mask of a negative all pixels are
    normal.

    Raises:
        UserError: names a folder that is missing or has no image, an image without a mask, a mask
            without an image, or an image id that is in two folders.
    """

    config_class = KvasirConfig

    def __init__(self, config: KvasirConfig) -> None:
        self._images = Path(config.root) / config.images
        self._masks = Path(config.root) / config.masks
        self._counts: dict[str, Count] = {}
        images = _jpegs(self._images, "images")
        self._counts[config.images] = Count(len(images), SEGMENTED_IMAGES)
        quarantine = Quarantine(config.on_error)
        polyps = self._polyps(images, quarantine)
        self._negatives: dict[str, ImageRecord] = {}
        for folder in config.negatives:
            frames = _jpegs(Path(config.root) / folder, "negatives")
            self._counts[folder] = Count(len(frames), NEGATIVES.get(Path(folder).name))
            for image_id, path in frames.items():
                if image_id in images or image_id in self._negatives:
                    raise UserError(f"{path}: image id '{image_id}' is also in another folder")
                self._negatives[image_id] = ImageRecord(image_id, (path,), (_NORMAL,))
        records = polyps | self._negatives
        splits = _split(list(polyps), list(self._negatives), config)
        super().__init__(
            picture_info(
                config.name,
                CLASSES,
                _PALETTE,
                background=_NORMAL,
                multi_label=False,
                protocol=(
                    f"val_images={config.val_images}, test_images={config.test_images}, "
                    f"negatives={config.negatives}"
                ),
            ),
            {split: [records[image_id] for image_id in ids] for split, ids in splits.items()},
            quarantine.reasons,
            config,
        )

    def counts(self) -> dict[str, Count]:
        """Number of images per folder; see `Dataset.counts`."""
        return self._counts

    def open_masks(self) -> Callable[[str], Mask]:
        """See `Dataset.open_masks`."""
        if not self._masks.is_dir():
            raise UserError(f"{self._masks}: no such folder of masks")
        return super().open_masks()

    def _polyps(self, images: dict[str, Path], quarantine: Quarantine) -> dict[str, ImageRecord]:
        # Only evaluation needs masks, so their folder may be missing.
        masks = _jpegs(self._masks, "masks") if self._masks.is_dir() else images
        records: dict[str, ImageRecord] = {}
        for image_id in sorted(images.keys() | masks.keys()):
            with quarantine.guard(image_id):
                if image_id not in images:
                    raise UserError(f"{masks[image_id]}: a mask without an image in {self._images}")
                if image_id not in masks:
                    raise UserError(f"{images[image_id]}: an image without a mask in {self._masks}")
                records[image_id] = ImageRecord(image_id, (images[image_id],), (_POLYP,))
        return records

    def _mask_path(self, image_id: str) -> Path | None:
        return None if image_id in self._negatives else self._masks / f"{image_id}.jpg"

    def _decode_mask(self, path: Path) -> Mask:
        values = read_picture(path).mean(axis=0)
        # JPEG blurs the edges of a mask; a photograph is mostly grey.
        gray = float(((values > 63) & (values < 192)).mean())
        if gray > _MAX_GRAY_SHARE:
            raise UserError(f"{path}: gray in {gray:.0%} of its pixels, a mask is black and white")
        return np.asarray(values > 127, np.uint8)


def _jpegs(folder: Path, key: str) -> dict[str, Path]:
    """Files ``<id>.jpg`` of the folder that a config key names, by id, sorted by name."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder, but dataset.{key} names it")
    files = {path.stem: path for path in sorted(folder.glob("*.jpg"))}
    if not files:
        raise UserError(f"{folder}: no file <id>.jpg in it, but dataset.{key} names it")
    return files


def _split(polyps: list[str], negatives: list[str], config: KvasirConfig) -> dict[Split, list[str]]:
    """Hold out ``test``, then ``val``, from polyps and negatives in proportion."""
    share_of_polyps = len(polyps) / (len(polyps) + len(negatives) or 1)
    wanted: dict[Split, int] = {"test": config.test_images, "val": config.val_images}
    splits: dict[Split, list[str]] = {"train": [], "val": [], "test": []}
    for kind, rest in (("polyps", polyps), ("negatives", negatives)):
        for split, images in wanted.items():
            count = round(images * share_of_polyps)
            count = count if kind == "polyps" else images - count
            if count:
                key = f"dataset.{split}_images (its share of {kind})"
                rest, chosen = hold_out(rest, count, key)
                splits[split] += chosen
        splits["train"] += rest
    return splits

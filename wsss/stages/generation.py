"""The work of stage ``generate``."""

from __future__ import annotations

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, get_worker_info
from torch.utils.data import Dataset as TorchDataset

from wsss.data.files.mask_writer import mask_suffix, write_mask
from wsss.data.types import IGNORE_INDEX, SPLITS, Mask, Split
from wsss.data.validity import valid_pixels
from wsss.engine.stage import WHOLE, Context, Metrics, Part
from wsss.maps.storage import ImageMaps, StoredMaps
from wsss.progress import track
from wsss.pseudo_masks.candidates import find_candidates
from wsss.pseudo_masks.files import kept_mask, read_pseudo_mask
from wsss.pseudo_masks.painting import paint
from wsss.stages.settings import common_size

AT_ONCE = 16
"""Masks per batch of a worker."""


def generate(context: Context) -> Metrics:
    """Write one mask per image; existing masks are kept."""
    dataset, settings = context.dataset, context.config.pseudo_mask
    coverage: dict[str, dict[str, float]] = {}
    ignored: dict[str, float] = {}
    no_data: dict[str, float] = {}
    for split in SPLITS:
        pixels = _make_masks(context, split, WHOLE)
        empty, pixels[IGNORE_INDEX + 1] = float(pixels[-1]), 0.0
        if empty:
            no_data[split] = empty / (empty + float(pixels.sum()))
        shares = (pixels / pixels.sum().clamp_min(1)).tolist()
        coverage[split] = dict(zip(dataset.info.classes, shares, strict=False))
        ignored[split] = shares[IGNORE_INDEX]
    if settings.export:
        _export(context)
    return {
        "rule": settings.name,
        "image_labels": settings.image_labels,
        "coverage": coverage,
        "ignored": ignored,
    } | ({"no_data": no_data} if no_data else {})


def generate_part(context: Context, part: Part) -> None:
    """Write the masks of one part."""
    for split in SPLITS:
        _make_masks(context, split, part)


def _make_masks(context: Context, split: Split, part: Part) -> Tensor:
    """Write the masks of one part of a split, and count their pixels by label, ``[257]``.

    The last entry counts pixels without data.
    """
    (context.artifact.path / split).mkdir(parents=True, exist_ok=True)
    masks = Masks(context, split, part)
    loader = DataLoader(masks, num_workers=context.config.launch.workers, batch_size=AT_ONCE)
    counted = torch.zeros(IGNORE_INDEX + 2, dtype=torch.float64)
    for pixels in track(loader, f"masks of {split}", len(loader)):
        counted += pixels.sum(dim=0)
    return counted


class Masks(TorchDataset[Tensor]):
    """The masks of one part of a split; requesting an item writes its mask if it is missing.

    An item is the number of pixels with each label, and of those without data, ``[257]``.
    """

    def __init__(self, context: Context, split: Split, part: Part) -> None:
        # Only a part of the context, since spawned workers get a copy.
        self._dataset, self._settings = context.dataset, context.config.pseudo_mask
        self._device = context.device
        self._maps = StoredMaps(context.upstream["extract"], split, part.has)
        dataset = context.dataset
        self._directory = context.artifact.path / split
        self._labels = dict(zip(dataset.ids(split), dataset.labels(split), strict=True))

    def __len__(self) -> int:
        return len(self._maps)

    def __getitem__(self, number: int) -> Tensor:
        maps = self._maps[number]
        mask, valid = self._mask(maps)
        counts = np.bincount(mask[valid], minlength=IGNORE_INDEX + 2)
        counts[-1] = np.count_nonzero(~valid)
        return torch.from_numpy(counts)

    def _mask(self, maps: ImageMaps) -> tuple[Mask, NDArray[np.bool_]]:
        """The mask ``[H, W]`` of an image, and which pixels hold data."""
        dataset, settings = self._dataset, self._settings
        place = dataset.georeference(maps.image_id)
        path = self._directory / f"{maps.image_id}{mask_suffix(place)}"
        if (kept := kept_mask(path, dataset.size(maps.image_id))) is not None:
            return kept, valid_pixels(dataset.read_image(maps.image_id))
        # A forked worker cannot use a GPU.
        device = self._device if get_worker_info() is None else torch.device("cpu")
        labels = self._labels[maps.image_id]
        candidates = find_candidates(dataset, maps, labels=labels, settings=settings, device=device)
        mask = paint(candidates, settings, dataset.info)
        write_mask(path, mask, dataset.info, place)
        return mask, candidates.valid


def _export(context: Context) -> None:
    """Write all training images and pseudo-masks as arrays, as the reference release does.

    Images hold NaN, and masks 255, where there is no data.
    """
    dataset, directory = context.dataset, context.artifact.path
    ids, name = dataset.ids("train"), dataset.info.name
    size = common_size(dataset)
    shape = (len(ids), len(dataset.info.bands), *size)
    images = open_memmap(directory / f"imgs_{name}.npy", "w+", np.float32, shape)
    masks = open_memmap(directory / f"pms_{name}.npy", "w+", np.uint8, (len(ids), *size))
    for row, image_id in enumerate(track(ids, "export")):
        images[row] = dataset.read_image(image_id)
        masks[row] = read_pseudo_mask(directory, "train", image_id)
    images.flush()
    masks.flush()

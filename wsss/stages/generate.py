"""Stage ``generate``: turn maps and image labels into pseudo-masks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, get_worker_info
from torch.utils.data import Dataset as TorchDataset

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.files.mask_writer import mask_suffix, write_mask
from wsss.data.types import IGNORE_INDEX, SPLITS, Mask, Split
from wsss.data.validity import valid_pixels
from wsss.engine.stage import WHOLE, Context, Metrics, Part, Stage
from wsss.errors import UserError
from wsss.maps.storage import ImageMaps, StoredMaps
from wsss.progress import track
from wsss.pseudo_masks.candidates import find_candidates
from wsss.pseudo_masks.files import kept_mask, read_pseudo_mask
from wsss.pseudo_masks.painting import paint
from wsss.pseudo_masks.rules.registry import RULES

_AGAINST_BACKGROUND = ("compete_background", "competition")
"""Patch head and source of maps that tell what is background."""
AT_ONCE = 16
"""Masks per batch of a worker."""


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """The rule; images and labels are part of the maps' fingerprint.

    Raises:
        UserError: a foreground threshold is set for a dataset without a background, or the rule
            cannot leave a background with the maps.
    """
    settings, info = config.pseudo_mask, dataset.info
    if settings.foreground_threshold is not None and info.background is None:
        raise UserError(
            f"pseudo_mask.foreground_threshold needs a dataset with a background, {info.name} has "
            "none; set pseudo_mask.margin to leave pixels unlabelled"
        )
    against = (config.model.patch_head, config.attention.source) == _AGAINST_BACKGROUND
    if RULES[settings.name].of_scores and info.background is not None and not against:
        head, source = _AGAINST_BACKGROUND
        raise UserError(
            f"pseudo_mask={settings.name} would paint every pixel, but {info.name} has the "
            f"background '{info.classes[info.background]}'; set model.patch_head={head} and "
            f"attention.source={source}, as experiment=frozen_background does, or choose another "
            "rule"
        )
    rule = asdict(settings)
    if not settings.has_threshold(info.background):
        del rule["background_threshold"], rule["foreground_threshold"]
    if settings.refine == "none":
        del rule["pamr_iterations"], rule["pamr_dilations"]
    exported = {"name": info.name} if settings.export else {}  # names the exported files
    return {"pseudo_mask": rule, "background": info.background} | exported


def check(config: Config, dataset: Dataset) -> None:
    """`UserError` if masks are to be exported as one array, and images differ in size."""
    if config.pseudo_mask.export:
        _common_size(dataset)


def run(context: Context) -> Metrics:
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


def run_part(context: Context, part: Part) -> None:
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
    size = _common_size(dataset)
    shape = (len(ids), len(dataset.info.bands), *size)
    images = open_memmap(directory / f"imgs_{name}.npy", "w+", np.float32, shape)
    masks = open_memmap(directory / f"pms_{name}.npy", "w+", np.uint8, (len(ids), *size))
    for row, image_id in enumerate(track(ids, "export")):
        images[row] = dataset.read_image(image_id)
        masks[row] = read_pseudo_mask(directory, "train", image_id)
    images.flush()
    masks.flush()


def _common_size(dataset: Dataset) -> tuple[int, int]:
    sizes = {dataset.size(image_id) for image_id in dataset.ids("train")}
    if len(sizes) > 1:
        raise UserError(
            f"pseudo_mask.export needs images of one size, {dataset.info.name} has {len(sizes)} "
            "sizes; set pseudo_mask.export=false"
        )
    return sizes.pop()


def _share_of_likeliest(metrics: Metrics) -> str:
    name, share = max(metrics["coverage"]["train"].items(), key=lambda item: item[1])
    ignored = metrics["ignored"]["train"]
    unlabelled = f", {ignored:.0%} unlabelled" if ignored else ""
    return f"{metrics['rule']} masks, most {name} ({share:.0%}){unlabelled}"


STAGE = Stage(
    name="generate",
    upstream=("extract",),
    inputs=inputs,
    run=run,
    check=check,
    key_figure=_share_of_likeliest,
    run_part=run_part,
)

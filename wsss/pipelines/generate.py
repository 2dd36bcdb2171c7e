"""Stage ``generate``: maps and image labels to pseudo-masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from wsss.data.base import Dataset
from wsss.data.maps import read_maps
from wsss.data.raster import mask_suffix, read_index_mask, write_mask
from wsss.data.types import IGNORE_INDEX, SPLITS, Mask, Split
from wsss.errors import UserError
from wsss.pipelines.config import Config
from wsss.pipelines.painting import claims, paint
from wsss.pipelines.stage import WHOLE, Context, Metrics, Part, Stage
from wsss.progress import track


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """The rule; images and labels are part of the maps' fingerprint.

    Raises:
        UserError: a threshold between background and foreground where there is no background.
    """
    settings, info = config.pseudo_mask, dataset.info
    if settings.foreground_threshold is not None and info.background is None:
        raise UserError(
            f"pseudo_mask.foreground_threshold needs a dataset with a background, {info.name} has "
            "none; set pseudo_mask.margin to leave pixels unlabelled"
        )
    rule = asdict(settings)
    if not settings.has_threshold(info.background):
        del rule["background_threshold"], rule["foreground_threshold"]
    if settings.refine == "none":
        del rule["pamr_iterations"], rule["pamr_dilations"]
    return {"pseudo_mask": rule, "background": info.background}


def run(context: Context) -> Metrics:
    """Write one mask per image; masks that are there already are kept."""
    dataset, settings = context.dataset, context.config.pseudo_mask
    coverage: dict[str, dict[str, float]] = {}
    ignored: dict[str, float] = {}
    for split in SPLITS:
        pixels = np.zeros(IGNORE_INDEX + 1)
        for mask in _masks(context, split, WHOLE):
            pixels += np.bincount(mask.ravel(), minlength=len(pixels))
        shares = (pixels / pixels.sum()).tolist()
        coverage[split] = dict(zip(dataset.info.classes, shares, strict=False))
        ignored[split] = shares[IGNORE_INDEX]
    if settings.export:
        _export(context)
    return {
        "rule": settings.name,
        "image_labels": settings.image_labels,
        "coverage": coverage,
        "ignored": ignored,
    }


def run_part(context: Context, part: Part) -> None:
    """Write the masks of one part."""
    for split in SPLITS:
        for _ in _masks(context, split, part):
            pass


def _masks(context: Context, split: Split, part: Part) -> Iterator[Mask]:
    """The masks of a part of a split, each written unless it is there already."""
    dataset, settings = context.dataset, context.config.pseudo_mask
    directory = context.artifact.path / split
    directory.mkdir(parents=True, exist_ok=True)
    ids, labels = dataset.ids(split), dataset.labels(split)
    every = read_maps(context.upstream["extract"], split, part.has)
    rows = {image_id: row for row, image_id in enumerate(ids)}
    for maps in track(every, split, len(ids) // part.count):
        place = dataset.georeference(maps.image_id)
        path = directory / f"{maps.image_id}{mask_suffix(place)}"
        if path.exists():
            yield read_index_mask(path)
            continue
        row = labels[rows[maps.image_id]]
        claimed = claims(settings, dataset, maps, row, context.device)
        mask = paint(claimed, settings, dataset.info)
        write_mask(path, mask, dataset.info, place)
        yield mask


def read_pseudo_mask(directory: Path, split: Split, image_id: str) -> Mask:
    """The pseudo-mask of an image in the artifact ``directory``, ``[H, W]``."""
    stem = directory / split / image_id
    georeferenced = stem.with_name(stem.name + ".tif")
    plain = stem.with_name(stem.name + ".png")
    return read_index_mask(georeferenced if georeferenced.exists() else plain)


def _export(context: Context) -> None:
    """All training images and pseudo-masks as arrays, the reference release's exchange format."""
    dataset, directory = context.dataset, context.artifact.path
    ids, name = dataset.ids("train"), dataset.info.name
    sizes = {dataset.size(image_id) for image_id in ids}
    if len(sizes) > 1:
        raise UserError(
            f"pseudo_mask.export needs images of one size, {name} has {len(sizes)} sizes; "
            "set pseudo_mask.export=false"
        )
    (size,) = sizes
    shape = (len(ids), len(dataset.info.bands), *size)
    images = open_memmap(directory / f"imgs_{name}.npy", "w+", np.float32, shape)
    masks = open_memmap(directory / f"pms_{name}.npy", "w+", np.uint8, (len(ids), *size))
    for row, image_id in enumerate(track(ids, "export")):
        images[row] = dataset.read_image(image_id)
        masks[row] = read_pseudo_mask(directory, "train", image_id)
    images.flush()
    masks.flush()


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
    key_figure=_share_of_likeliest,
    run_part=run_part,
)

"""Stage ``generate``: maps and image labels to pseudo-masks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from wsss.data.base import Dataset
from wsss.data.maps import ImageMaps, read_maps
from wsss.data.raster import mask_suffix, read_index_mask, write_mask
from wsss.data.types import SPLITS, Mask, Split
from wsss.errors import UserError
from wsss.pipelines.config import Config
from wsss.pipelines.stage import Context, Metrics, Stage
from wsss.progress import track
from wsss.pseudo_masks import present_classes, pseudo_mask


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """The rule; the labels are part of the maps' fingerprint."""
    rule, background = asdict(config.pseudo_mask), dataset.info.background
    if background is None:
        del rule["background_threshold"]
    return {"pseudo_mask": rule, "background": background}


def run(context: Context) -> Metrics:
    """Write one mask per image; masks that are there already are kept."""
    dataset, settings = context.dataset, context.config.pseudo_mask
    coverage: dict[str, dict[str, float]] = {}
    for split in SPLITS:
        directory = context.artifact.path / split
        directory.mkdir(parents=True, exist_ok=True)
        ids, labels = dataset.ids(split), dataset.labels(split)
        pixels = np.zeros(len(dataset.info.classes))
        every = read_maps(context.upstream["extract"], split)
        for maps, row in track(zip(every, labels, strict=True), split, len(ids)):
            place = dataset.georeference(maps.image_id)
            path = directory / f"{maps.image_id}{mask_suffix(place)}"
            if path.exists():
                mask = read_index_mask(path)
            else:
                mask = _mask(context, maps, row)
                write_mask(path, mask, dataset.info, place)
            pixels += np.bincount(mask.ravel(), minlength=len(pixels))[: len(pixels)]
        shares = pixels / pixels.sum()
        coverage[split] = dict(zip(dataset.info.classes, shares.tolist(), strict=True))
    if settings.export:
        _export(context)
    return {"rule": settings.name, "image_labels": settings.image_labels, "coverage": coverage}


def _mask(context: Context, maps: ImageMaps, labels: Any) -> Mask:
    settings, info = context.config.pseudo_mask, context.dataset.info
    present = present_classes(
        maps.probabilities,
        labels,
        settings.image_labels,
        settings.presence_threshold,
        may_be_none=info.background is not None and info.multi_label,
    )
    # Where images are labelled with the background, it is what is left, not what is looked for.
    present &= np.array(info.image_classes) != info.background
    painted = pseudo_mask(
        maps.attention,
        maps.probabilities,
        present,
        settings.name,
        context.dataset.size(maps.image_id),
        None if info.background is None else settings.background_threshold,
    )
    class_of = np.array([*info.image_classes, info.background or 0], np.uint8)
    return class_of[painted]  # unpainted is -1, which takes the last


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
    return f"{metrics['rule']} masks, most {name} ({share:.0%})"


STAGE = Stage(
    name="generate",
    upstream=("extract",),
    inputs=inputs,
    run=run,
    key_figure=_share_of_likeliest,
)

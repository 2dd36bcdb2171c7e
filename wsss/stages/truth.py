"""Pixel masks for the stages that may see them: ``evaluate`` and ``ceiling``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.memory import remembered
from wsss.data.quarantine import Quarantine
from wsss.data.types import IGNORE_INDEX, SPLITS, Mask, Split
from wsss.data.validity import valid_pixels
from wsss.digests import file_digests
from wsss.engine.stage import dataset_inputs
from wsss.errors import UserError
from wsss.evaluation.judging import all_void, judged_images, threshold_images
from wsss.progress import track
from wsss.runs.identity import fingerprint

_VERSION = 1
"""To be raised when masks are decoded differently, so that no remembered digest is used."""


def reported_split(config: Config) -> Split:
    """The split named by ``evaluation.split``."""
    return next(split for split in SPLITS if split == config.evaluation.split)


def curve_images(config: Config, dataset: Dataset) -> dict[Split, list[str]]:
    """Images that the threshold curve is computed on; empty if no threshold applies."""
    if not config.pseudo_mask.has_threshold(dataset.info.background):
        return {}
    return threshold_images(dataset, reported_split(config))


def evaluated_truth(config: Config, dataset: Dataset) -> Truth:
    """The pixel masks that stage ``evaluate`` reads."""
    judged = judged_images(dataset, reported_split(config))
    return read_truth(config, dataset, judged | curve_images(config, dataset))


@dataclass(frozen=True)
class Truth:
    """Pixel masks, all of which have been read once."""

    ids: dict[Split, list[str]]
    """Images by split, without those whose mask is unreadable."""
    read: Callable[[str], Mask]
    digest: str
    """Hash of every mask, so that changed masks are scored anew."""
    unreadable: dict[str, str]
    """Why each excluded mask is unreadable, by image id."""


def read_truth(config: Config, dataset: Dataset, ids: dict[Split, list[str]]) -> Truth:
    """Open the pixel masks and read each, so that a broken one is found before other work starts.

    Raises:
        UserError: names a mask that cannot be read, unless ``dataset.on_error`` is ``skip``.
    """
    every = dict.fromkeys(image_id for members in ids.values() for image_id in members)
    settings = fingerprint(dataset_inputs(config, dataset, SPLITS))
    digests, unreadable = _digests(dataset, settings, tuple(every), config.dataset.on_error)
    kept = {split: [i for i in members if i in digests] for split, members in ids.items()}
    for split, members in kept.items():
        if not members:
            raise UserError(
                f"split '{split}' has no readable mask: {next(iter(unreadable.values()))}"
            )
    return Truth(kept, _where_valid(dataset), fingerprint(digests), unreadable)


def _where_valid(dataset: Dataset) -> Callable[[str], Mask]:
    """Masks in which pixels without data do not count, whatever they are labelled."""
    read = dataset.open_masks()

    def masked(image_id: str) -> Mask:
        mask = read(image_id)
        valid = valid_pixels(dataset.read_image(image_id))
        return mask if valid.all() else np.where(valid, mask, np.uint8(IGNORE_INDEX))

    return masked


@lru_cache(maxsize=2)  # called by the fingerprint and by the stage itself
def _digests(
    dataset: Dataset, settings: str, ids: tuple[str, ...], on_error: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Hash of each mask, and the reason for each unreadable one, by image id.

    Masks are decoded once: the answer is remembered until an input or a mask's file changes.
    """
    files = list(dict.fromkeys(path for i in ids for path in dataset.mask_files(i) or ()))
    try:
        content = list(zip(map(str, files), file_digests(files, dataset.memory), strict=True))
        memory = dataset.memory
    except OSError:  # a missing or broken file is reported by whoever decodes it
        content, memory = [], None
    question = [_VERSION, settings, ids, content, on_error]
    digests, unreadable = remembered(memory, question, lambda: _decode(dataset, ids, on_error))
    return digests, unreadable


def _decode(
    dataset: Dataset, ids: tuple[str, ...], on_error: str
) -> tuple[dict[str, str], dict[str, str]]:
    read, masks = dataset.open_masks(), Quarantine(on_error)
    digests: dict[str, str] = {}
    counts = False
    for image_id in track(ids, "pixel masks", len(ids)):
        with masks.guard(image_id):
            mask = read(image_id)
            digests[image_id] = hashlib.sha256(mask.tobytes()).hexdigest()
            counts |= bool((mask != IGNORE_INDEX).any())
    if digests and not counts:
        raise UserError(all_void(dataset))
    return digests, masks.reasons

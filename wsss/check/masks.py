"""Finding pixel masks that would make the evaluation fail."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from wsss.check.report import Finding
from wsss.data.base import Dataset
from wsss.data.types import IGNORE_INDEX, Split
from wsss.errors import UserError
from wsss.evaluation.judging import all_void, judged_images
from wsss.progress import track

_MAX_NAMES = 10


class MaskCheck(NamedTuple):
    """Result of `check_masks`."""

    sound: dict[Split, int]
    """Number of masks without a fault in each split that is scored."""
    findings: list[Finding]
    """The faults."""
    absent: str | None
    """Why there are no masks, ``None`` if there are."""
    unseen: tuple[Finding, ...] = ()
    """Warnings that name classes of image labels that no mask of a split holds."""


def check_masks(dataset: Dataset, reported: Split, unreadable: Mapping[str, str]) -> MaskCheck:
    """Read the masks that ``evaluate`` reads, those of `judged_images`.

    The result holds their errors, and classes that images are labelled with but no mask holds, as
    where masks have other class indices than the class list. Nothing else of a mask leaves this.

    Args:
        dataset: may have no masks.
        reported: the split that a run is scored on.
        unreadable: images to leave out, by id.
    """
    try:
        read = dataset.open_masks()
    except UserError as error:
        return MaskCheck({}, [], str(error))
    if not any(map(dataset.has_mask, dataset.ids(reported))):
        return MaskCheck({}, [], f"no image of {reported} has one")

    def held(image_id: str) -> set[int] | str:
        """The classes that a mask holds, or what is wrong with it."""
        try:
            pixels = np.bincount(read(image_id).ravel(), minlength=IGNORE_INDEX)
        except UserError as error:
            return str(error)
        return set(np.flatnonzero(pixels[:IGNORE_INDEX]).tolist())

    sound: dict[Split, int] = {}
    counts: list[bool] = []
    faults: list[str] = []
    unseen: list[Finding] = []
    for split, members in judged_images(dataset, reported).items():
        ids = [image_id for image_id in members if image_id not in unreadable]
        with ThreadPoolExecutor() as threads:
            answers = list(track(threads.map(held, ids), f"masks of {split}", len(ids)))
        faults += [answer for answer in answers if isinstance(answer, str)]
        classes = {i: a for i, a in zip(ids, answers, strict=True) if not isinstance(a, str)}
        counts += map(bool, classes.values())
        sound[split] = len(classes)
        unseen += _unseen(dataset, split, classes)
    findings: list[Finding] = []
    if counts and not any(counts):
        faults.append(all_void(dataset))
        unseen = []
    elif void := counts.count(False):
        share = f"{void} of {len(counts)} masks are {IGNORE_INDEX} (ignored) throughout"
        findings = [Finding("warning", "mask", share)]
    found = [*(Finding("fault", "mask", reason) for reason in faults), *findings]
    return MaskCheck(sound, found, None, tuple(unseen))


def _unseen(
    dataset: Dataset, split: Split, classes: Mapping[str, Collection[int]]
) -> Iterator[Finding]:
    """A warning if images are labelled with classes that no mask holds; ``classes`` by image."""
    labels = {label for image_id in classes for label in dataset.record(image_id).labels}
    missing = sorted(labels.difference(*classes.values()))
    if missing:
        names = [f"'{dataset.info.classes[label]}'" for label in missing]
        more = f" and {len(names) - _MAX_NAMES} more" if names[_MAX_NAMES:] else ""
        named = f"{', '.join(names[:_MAX_NAMES])}{more}"
        message = f"{split}: images are labelled with {named}, but no mask holds any pixel of it"
        yield Finding("warning", "mask", message)

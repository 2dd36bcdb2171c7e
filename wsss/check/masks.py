"""Finding pixel masks that would make the evaluation fail."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from wsss.check.report import Finding
from wsss.data.base import Dataset
from wsss.data.types import IGNORE_INDEX, Split
from wsss.errors import UserError
from wsss.evaluation.judging import all_void, judged_images
from wsss.progress import track


class MaskCheck(NamedTuple):
    """Result of `check_masks`."""

    sound: dict[Split, int]
    """Number of masks without a fault in each split that is scored."""
    findings: list[Finding]
    """The faults."""
    absent: str | None
    """Why there are no masks, ``None`` if there are."""


def check_masks(dataset: Dataset, reported: Split, unreadable: Mapping[str, str]) -> MaskCheck:
    """Read the masks that ``evaluate`` reads, those of `judged_images`; report only their errors.

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

    counts: list[bool] = []

    def fault(image_id: str) -> str | None:
        try:
            counts.append(bool((read(image_id) != IGNORE_INDEX).any()))
        except UserError as error:
            return str(error)
        return None

    sound: dict[Split, int] = {}
    findings: list[Finding] = []
    faults: list[str] = []
    for split, members in judged_images(dataset, reported).items():
        ids = [image_id for image_id in members if image_id not in unreadable]
        with ThreadPoolExecutor() as threads:
            answers = list(track(threads.map(fault, ids), f"masks of {split}", len(ids)))
        faults += filter(None, answers)
        sound[split] = answers.count(None)
    if counts and not any(counts):
        faults.append(all_void(dataset))
    elif void := counts.count(False):
        share = f"{void} of {len(counts)} masks are {IGNORE_INDEX} (ignored) throughout"
        findings = [Finding("warning", "mask", share)]
    return MaskCheck(
        sound, [*(Finding("fault", "mask", reason) for reason in faults), *findings], None
    )

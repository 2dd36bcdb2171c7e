"""Which pixel masks would stop the evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from wsss.check.report import Finding
from wsss.data.base import Dataset
from wsss.data.types import Split
from wsss.errors import UserError
from wsss.evaluation.judging import judged_images
from wsss.progress import track


class MaskCheck(NamedTuple):
    """Sound masks of each split that is scored, faults, and why there are no masks if so."""

    sound: dict[Split, int]
    findings: list[Finding]
    absent: str | None


def check_masks(dataset: Dataset, reported: Split, unreadable: Mapping[str, str]) -> MaskCheck:
    """Read the masks that ``evaluate`` would; nothing of them but what is wrong leaves here.

    Those of `judged_images`.

    Args:
        dataset: may have no masks at all.
        reported: the split whose scores a run reports.
        unreadable: images that are not to be looked at, by id.
    """
    try:
        read = dataset.open_masks()
    except UserError as error:
        return MaskCheck({}, [], str(error))
    if not any(map(dataset.has_mask, dataset.ids(reported))):
        return MaskCheck({}, [], f"no image of {reported} has one")

    def fault(image_id: str) -> str | None:
        try:
            read(image_id)
        except UserError as error:
            return str(error)
        return None

    sound: dict[Split, int] = {}
    faults: list[str] = []
    for split, members in judged_images(dataset, reported).items():
        ids = [image_id for image_id in members if image_id not in unreadable]
        with ThreadPoolExecutor() as threads:
            answers = list(track(threads.map(fault, ids), f"masks of {split}", len(ids)))
        faults += filter(None, answers)
        sound[split] = answers.count(None)
    return MaskCheck(sound, [Finding("fault", "mask", reason) for reason in faults], None)

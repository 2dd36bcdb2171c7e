"""Images that occur in a dataset under several ids."""

from __future__ import annotations

from collections import defaultdict

from wsss.check.report import Finding
from wsss.data.base import Dataset
from wsss.data.types import SPLITS


def duplicate_findings(dataset: Dataset) -> list[Finding]:
    """A warning for each set of images with identical files; leaks between splits come first."""
    split_of = {image_id: split for split in SPLITS for image_id in dataset.ids(split)}
    leaks, repeats = [], []
    for ids in find_duplicates(dataset):
        named = " and ".join(f"'{image_id}' of {split_of[image_id]}" for image_id in ids)
        if len({split_of[image_id] for image_id in ids}) > 1:
            leaks.append(f"{named} are the same image: a leak between splits")
        else:
            repeats.append(f"{named} are the same image")
    return [Finding("warning", "duplicate", message) for message in [*leaks, *repeats]]


def find_duplicates(dataset: Dataset) -> list[tuple[str, ...]]:
    """Ids of each set of images with identical files."""
    same = defaultdict(list)
    for split in SPLITS:
        for image_id, digests, _ in dataset.index(split):
            same[tuple(digests)].append(image_id)
    return [tuple(members) for members in same.values() if len(members) > 1]

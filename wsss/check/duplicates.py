"""Images that occur in a dataset under several ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from wsss.check.report import Finding
from wsss.data.base import Dataset
from wsss.data.types import SPLITS
from wsss.digests import file_digests


def duplicate_findings(dataset: Dataset, without: Collection[str]) -> list[Finding]:
    """A warning for each set of images with identical files; leaks between splits come first."""
    split_of = {image_id: split for split in SPLITS for image_id in dataset.ids(split)}
    leaks, repeats = [], []
    for ids in find_duplicates(dataset, without):
        named = " and ".join(f"'{image_id}' of {split_of[image_id]}" for image_id in ids)
        if len({split_of[image_id] for image_id in ids}) > 1:
            leaks.append(f"{named} are the same image: a leak between splits")
        else:
            repeats.append(f"{named} are the same image")
    return [Finding("warning", "duplicate", message) for message in [*leaks, *repeats]]


def find_duplicates(dataset: Dataset, without: Collection[str] = ()) -> list[tuple[str, ...]]:
    """Ids of each set of images with identical files; those in ``without`` are not read."""
    ids = [i for split in SPLITS for i in dataset.ids(split) if i not in without]
    files = [dataset.record(image_id).files for image_id in ids]
    digests = iter(file_digests([path for paths in files for path in paths], dataset.memory))
    same = defaultdict(list)
    for image_id, paths in zip(ids, files, strict=True):
        same[tuple(next(digests) for _ in paths)].append(image_id)
    return [tuple(members) for members in same.values() if len(members) > 1]

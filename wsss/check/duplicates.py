"""Images that occur in a dataset under several ids."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest

from wsss.check.report import Finding
from wsss.data.base import Dataset
from wsss.data.types import SPLITS
from wsss.progress import track


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
    by_size = defaultdict(list)  # only files of equal size need to be read
    for split in SPLITS:
        for image_id, sizes, _ in dataset.index(split):
            by_size[tuple(sizes)].append(image_id)
    ids = [image_id for members in by_size.values() if len(members) > 1 for image_id in members]

    def digest(image_id: str) -> bytes:
        digests = b""
        for path in dataset.record(image_id).files:
            with path.open("rb") as file:
                digests += file_digest(file, "sha256").digest()
        return digests

    same = defaultdict(list)
    with ThreadPoolExecutor() as threads:
        digests = track(threads.map(digest, ids), "comparing files", len(ids))
        for image_id, found in zip(ids, digests, strict=True):
            same[found].append(image_id)
    return [tuple(members) for members in same.values() if len(members) > 1]

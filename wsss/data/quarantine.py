"""Images that cannot be used, left out by name where the user wants to go on without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from wsss.data.base import Dataset
from wsss.data.memory import remembered
from wsss.data.types import SPLITS
from wsss.errors import UserError
from wsss.progress import track

_VERSION = 1  # raise it when other files count as unreadable


class Quarantine:
    """Collects what is wrong with single images while a dataset is listed.

    Args:
        on_error: ``raise`` lets the first fault out, ``skip`` notes it and goes on.
    """

    def __init__(self, on_error: str) -> None:
        self._skip = on_error == "skip"
        self.reasons: dict[str, str] = {}
        """Why each image is left out, by id."""

    @contextmanager
    def guard(self, image_id: str) -> Iterator[None]:
        """Run the block that deals with one image; what it had not done by its fault is lost."""
        try:
            yield
        except UserError as error:
            if not self._skip:
                raise
            self.reasons[image_id] = str(error)


def find_unreadable(dataset: Dataset, memory: Path | None = None) -> dict[str, str]:
    """Decode every image once: why each that cannot be read is unreadable, by id.

    Args:
        dataset: all of its splits are read.
        memory: folder that keeps the answer for as long as no file changes its size or time.
    """
    ids = [image_id for split in SPLITS for image_id in dataset.ids(split)]
    files = [path for image_id in ids for path in dataset.record(image_id).files]
    stats = [path.stat() for path in files]
    states = [
        (str(path), stat.st_size, stat.st_mtime_ns) for path, stat in zip(files, stats, strict=True)
    ]
    reasons: dict[str, str] = remembered(
        memory,
        [_VERSION, type(dataset).__name__, dataset.info.bands, states],
        lambda: _read_all(dataset, ids),
    )
    return reasons


def _read_all(dataset: Dataset, ids: Sequence[str]) -> dict[str, str]:
    def fault(image_id: str) -> str | None:
        try:
            dataset.read_image(image_id)
            dataset.georeference(image_id)
        except UserError as error:
            return str(error)
        return None

    with ThreadPoolExecutor() as threads:  # decoders let go of Python's lock
        faults = track(threads.map(fault, ids), f"reading {dataset.info.name}", len(ids))
        return {i: reason for i, reason in zip(ids, faults, strict=True) if reason}

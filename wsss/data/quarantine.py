"""Images that cannot be used and are left out if ``on_error=skip``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from wsss.data.base import Dataset
from wsss.data.memory import remembered
from wsss.data.types import SPLITS
from wsss.digests import FileState
from wsss.errors import UserError
from wsss.progress import track

_VERSION = 1  # raise when other files count as unreadable


class Quarantine:
    """Collects errors of single images while a dataset is listed.

    Args:
        on_error: ``raise`` raises the first error, ``skip`` records errors and continues.
    """

    def __init__(self, on_error: str) -> None:
        self._skip = on_error == "skip"
        self.reasons: dict[str, str] = {}
        """Why images are left out, by id."""

    @contextmanager
    def guard(self, image_id: str) -> Iterator[None]:
        """Run a block that handles one image; with ``skip``, an error ends the block only."""
        try:
            yield
        except UserError as error:
            if not self._skip:
                raise
            self.reasons[image_id] = str(error)


def find_unreadable(dataset: Dataset, memory: Path | None = None) -> dict[str, str]:
    """Decode every image once; return why images are unreadable, by id.

    Args:
        dataset: all its splits are read.
        memory: folder that keeps the answer until a file changes.
    """
    ids = [image_id for split in SPLITS for image_id in dataset.ids(split)]
    files = [path for image_id in ids for path in dataset.record(image_id).files]
    states = [_state(path) for path in files]
    reasons: dict[str, str] = remembered(
        memory,
        [_VERSION, type(dataset).__name__, dataset.info.bands, states],
        lambda: _read_all(dataset, ids),
    )
    return reasons


def _state(path: Path) -> tuple[str | int, ...]:
    """Path and state of a file; -1 and the number of the error if it cannot be found."""
    try:
        return (str(path), *FileState.of(path))
    except OSError as error:  # such as a broken link
        return str(path), -1, error.errno or 0


def _read_all(dataset: Dataset, ids: Sequence[str]) -> dict[str, str]:
    def fault(image_id: str) -> str | None:
        try:
            dataset.read_image(image_id)
            dataset.georeference(image_id)
        except UserError as error:
            return str(error)
        return None

    with ThreadPoolExecutor() as threads:  # decoders release the GIL
        faults = track(threads.map(fault, ids), f"reading {dataset.info.name}", len(ids))
        return {i: reason for i, reason in zip(ids, faults, strict=True) if reason}

"""Decoded images kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from wsss.data.types import Image
from wsss.errors import UserError


class ImageCache:
    """Images by id, up to a bound of memory; each process has its own.

    The first images that fit stay for good. Training passes over all images again and again, and
    there a cache that throws out the oldest would throw out every image just before it is needed.

    Args:
        megabytes: bound in MiB, 0 keeps nothing.

    Raises:
        UserError: where the bound is negative.
    """

    def __init__(self, megabytes: int) -> None:
        if megabytes < 0:
            raise UserError(f"cache_mb={megabytes}: must be 0 (no cache) or more")
        self._room = megabytes * 2**20
        self._images: dict[str, Image] = {}
        self._lock = Lock()

    def get(self, image_id: str, read: Callable[[str], Image]) -> Image:
        """The image of this id, from memory or through `read`; the caller may change it."""
        if image_id in self._images:
            return self._images[image_id].copy()
        image = read(image_id)
        with self._lock:
            if image_id not in self._images and image.nbytes <= self._room:
                self._room -= image.nbytes
                self._images[image_id] = image.copy()
        return image

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which starts with what is here."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state | {"_lock": Lock()}

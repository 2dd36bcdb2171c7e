"""Cache of decoded images in memory."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from wsss.data.types import Image
from wsss.errors import UserError


class ImageCache:
    """Images by id, up to a memory limit; each process has a separate cache.

    Images are never evicted. Every epoch reads all images, so that a cache that evicts the oldest
    would evict each image just before it is needed again.

    Args:
        megabytes: limit in MiB, 0 for no cache.

    Raises:
        UserError: if the limit is negative.
    """

    def __init__(self, megabytes: int) -> None:
        if megabytes < 0:
            raise UserError(f"cache_mb={megabytes}: must be 0 (no cache) or more")
        self._room = megabytes * 2**20
        self._images: dict[str, Image] = {}
        self._lock = Lock()

    def get(self, image_id: str, read: Callable[[str], Image]) -> Image:
        """The image of this id from memory, or else from `read`; the caller may modify it."""
        if image_id in self._images:
            return self._images[image_id].copy()
        image = read(image_id)
        with self._lock:
            if image_id not in self._images and image.nbytes <= self._room:
                self._room -= image.nbytes
                self._images[image_id] = image.copy()
        return image

    def __getstate__(self) -> dict[str, Any]:
        """State for another process, which starts with the images cached here."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state | {"_lock": Lock()}

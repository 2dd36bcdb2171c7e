from __future__ import annotations

import numpy as np
import pytest

from wsss.data.files.cache import ImageCache
from wsss.data.types import Image
from wsss.errors import UserError

CALLS: list[str] = []


def read(image_id: str) -> Image:
    CALLS.append(image_id)
    return np.full((1, 256, 512), float(image_id), np.float32)  # half a MiB


@pytest.mark.parametrize(("megabytes", "reads"), [(0, 9), (1, 5), (2, 3)])
def test_memory_is_bounded_and_used(megabytes: int, reads: int) -> None:
    CALLS.clear()
    cache = ImageCache(megabytes)
    for _ in range(3):
        for image_id in ("1", "2", "3"):
            assert cache.get(image_id, read)[0, 0, 0] == float(image_id)
    assert len(CALLS) == reads


def test_callers_cannot_spoil_the_cache() -> None:
    cache = ImageCache(4)
    for _ in range(3):
        image = cache.get("1", read)
        assert image.min() == 1
        image[:] = 7


def test_negative_bound() -> None:
    with pytest.raises(UserError, match="cache_mb=-1"):
        ImageCache(-1)

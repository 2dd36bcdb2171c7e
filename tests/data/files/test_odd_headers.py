"""An image file of any bytes gives values, or one line."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from rasterio.io import MemoryFile

from wsss.data.files.raster import picture_size, read_georeference, read_index_mask, read_picture
from wsss.errors import UserError

KINDS = ("uint8", "int16", "float32", "PNG", "JPEG")


@cache
def whole(kind: str) -> bytes:
    """A small sound file."""
    values = np.arange(48).reshape(3, 4, 4)
    if kind in ("PNG", "JPEG"):
        buffer = io.BytesIO()
        Pillow.fromarray(values.transpose(1, 2, 0).astype(np.uint8)).save(buffer, kind)
        return buffer.getvalue()
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", count=3, height=4, width=4, dtype=kind, nodata=7, crs="EPSG:32632"
        ) as file:
            file.write(values.astype(kind))
        return bytes(memory.read())


@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    st.floats(0.1, 1),
)
def test_any_bytes_cost_at_most_a_line(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    changes: list[tuple[float, int]],
    share: float,
) -> None:
    content = bytearray(whole(kind))
    for place, byte in changes:
        content[int(place * min(len(content), 400))] = byte
    path = tmp_path_factory.mktemp("odd") / "x"
    path.write_bytes(content[: int(len(content) * share)] if share < 0.5 else content)
    for read in (read_picture, read_index_mask, picture_size, read_georeference):
        try:
            found = read(path)
        except UserError as error:
            assert "\n" not in str(error) and str(path) in str(error)
            continue
        if read is read_picture:
            assert isinstance(found, np.ndarray) and found.dtype == np.float32
            assert not np.isinf(found).any()

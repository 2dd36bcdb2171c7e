"""Reading through GDAL: values where a file holds data, NaN elsewhere."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_gcps

from wsss.data.types import Georeference, Image
from wsss.errors import UserError

_opening = threading.Lock()  # warning filters are global, and datasets are read in threads
_MOST_RESIDUAL = 0.5
"""Pixels by which an affine transform may miss a ground control point."""


@contextmanager
def open_raster(path: Path, driver: str) -> Iterator[Any]:
    """A file opened by one driver of GDAL.

    Without a fixed driver, GDAL would read a VRT under any name, which can refer to other files
    and hosts. Files beside it (``.aux.xml``, ``.msk``) are not read either: they can be of any
    driver.
    """
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO"):
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            source = rasterio.open(path, driver=driver)
        with source:
            yield source


def read_bands(source: Any, names: Sequence[str] = ()) -> Image:
    """Values ``[bands, H, W]``, NaN where there is no data.

    No data is what GDAL says: declared nodata values, masks within the file and alpha bands, which
    are not returned; NaN and infinite values too. Scale and offset are applied.

    Args:
        source: from `open_raster`.
        names: bands to return, by the descriptions in the file; where these do not name them all,
            every band is returned in file order.

    Raises:
        UserError: complex values, or descriptions in which a name is not unique.
    """
    all_data, types = data_bands(source, len(names)), source.dtypes
    bands = all_data
    kinds = {np.dtype(types[band - 1]).kind for band in bands}
    if "c" in kinds:
        raise UserError(f"{source.name}: complex values; write amplitude or intensity instead")
    bands = _named(source, bands, names)
    values = np.asarray(source.read(bands, out_dtype="float32"))
    masked = is_masked(source, bands)
    scales, offsets = source.scales, source.offsets
    for value, band in zip(values, bands, strict=True):
        scale, offset = scales[band - 1], offsets[band - 1]
        if (scale, offset) != (1.0, 0.0):
            value[:] = value.astype(np.float64) * scale + offset
    if masked:
        values[source.read_masks(bands) == 0] = np.nan
    for alpha in set(source.indexes) - set(all_data):  # GDAL minds only those of 2 and 4 bands
        values[:, source.read(alpha) == 0] = np.nan
    if "f" in kinds:
        values[np.isinf(values)] = np.nan
    return values


def data_bands(source: Any, wanted: int = 0) -> list[int]:
    """Numbers of the bands, from 1, without alpha.

    GDAL marks the fourth band of any 8-bit file as alpha. Where the number of bands that are
    wanted includes it, it holds data.
    """
    if source.count == wanted:
        return list(source.indexes)
    kinds = zip(source.indexes, source.colorinterp, strict=True)
    bands = [band for band, kind in kinds if kind != ColorInterp.alpha]
    return bands or list(source.indexes)


def georeference(source: Any) -> Georeference | None:
    """Location on Earth, ``None`` for a file without coordinate reference system.

    Raises:
        UserError: only ground control points that no affine transform fits.
    """
    if source.crs is not None:
        a, b, c, d, e, f = source.transform[:6]
        return Georeference(source.crs.to_wkt(), (a, b, c, d, e, f))
    points, crs = source.gcps
    if not points or crs is None:
        return None
    transform = from_gcps(points)
    back = ~transform
    misses = [np.hypot(*np.subtract(back @ (p.x, p.y), (p.col, p.row))) for p in points]
    if len(points) < 3 or max(misses) > _MOST_RESIDUAL:
        raise UserError(
            f"{source.name}: only ground control points, which no affine transform fits; "
            "warp it first: gdalwarp IN OUT"
        )
    a, b, c, d, e, f = transform[:6]
    return Georeference(crs.to_wkt(), (a, b, c, d, e, f))


def is_masked(source: Any, bands: Sequence[int]) -> bool:
    """Whether pixels of some of the bands may hold no data, by the header."""
    flags = source.mask_flag_enums
    if source.count == len(bands) > 1 and MaskFlags.alpha in flags[0]:
        return False  # the alpha band is data
    return any(MaskFlags.all_valid not in flags[band - 1] for band in bands)


def _named(source: Any, bands: list[int], names: Sequence[str]) -> list[int]:
    """The bands that the descriptions of a file name, or all of them."""
    found: dict[str, list[int]] = {}
    descriptions = source.descriptions
    for band in bands:
        description = (descriptions[band - 1] or "").strip().casefold()
        found.setdefault(description, []).append(band)
    wanted = [name.casefold() for name in names]
    if not wanted or not all(name in found for name in wanted):
        return bands
    for name in wanted:
        if len(found[name]) > 1:
            raise UserError(f"{source.name}: several bands are described as '{name}'")
    return [found[name][0] for name in wanted]


def masked_values(source: Any, band: int, nodata: int) -> NDArray[Any]:
    """The values ``[H, W]`` of a band as stored, with ``nodata`` where there is no data."""
    values: NDArray[Any] = source.read(band)
    if is_masked(source, [band]):
        values = np.where(source.read_masks(band) == 0, nodata, values)
    return values

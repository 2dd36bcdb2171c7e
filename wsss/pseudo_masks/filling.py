"""Values for pixels that have none, from the nearest pixel that has one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsss.pseudo_masks.rules.rule import UNPAINTED, Painted


def fill_nearest(painted: Painted) -> Painted:
    """Give each unpainted pixel the label of the nearest painted one (Euclidean distance).

    A mask ``[H, W]`` without any painted pixel is returned unchanged.
    """
    holes = painted == UNPAINTED
    if not holes.any() or holes.all():
        return painted
    filled: Painted = painted[_nearest(holes)]
    return filled


def extend(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give each pixel that holds no data the values of the nearest one that does.

    As if the image ended there: refinement repeats border pixels beyond the border.

    Args:
        values: ``[C, H, W]``; returned as they are if all pixels hold data, or none does.
        valid: ``[H, W]``.
    """
    if valid.all() or not valid.any():
        return values
    rows, columns = _nearest(~valid)
    return np.asarray(values[:, rows, columns])


def held(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The values ``[C, H, W]`` of the pixels that hold data, in one row ``[C, 1, pixels]``."""
    return np.asarray(values[:, valid][:, None])


def _nearest(holes: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Rows and columns ``[H, W]`` of the pixel outside of the holes that is nearest to each."""
    from scipy.ndimage import distance_transform_edt  # SciPy takes a third of a second

    rows, columns = distance_transform_edt(holes, return_distances=False, return_indices=True)
    return rows, columns

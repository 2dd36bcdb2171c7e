"""Labels for pixels that no class claims."""

from __future__ import annotations

from scipy.ndimage import distance_transform_edt

from wsss.pseudo_masks.rules.rule import UNPAINTED, Painted


def fill_nearest(painted: Painted) -> Painted:
    """Give each unpainted pixel the label of the nearest painted one (Euclidean distance).

    A mask ``[H, W]`` without any painted pixel is returned unchanged.
    """
    holes = painted == UNPAINTED
    if not holes.any() or holes.all():
        return painted
    nearest = distance_transform_edt(holes, return_distances=False, return_indices=True)
    filled: Painted = painted[tuple(nearest)]
    return filled

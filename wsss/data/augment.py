"""Random geometric augmentation of an image and its mask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wsss.errors import UserError

if TYPE_CHECKING:  # the settings of datasets are read where torch is not needed
    from torch import Tensor


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes to training images."""

    flip_horizontal: bool
    """Swap left and right with probability 0.5."""
    flip_vertical: bool
    """Swap top and bottom with probability 0.5."""
    rotate90: bool
    """Rotate by 0, 90, 180 or 270 degrees with equal probability."""
    min_scale: float
    """Smallest side of a random crop as a share of the image side, in (0, 1]; 1 disables crops."""

    def __post_init__(self) -> None:
        if not 0 < self.min_scale <= 1:
            raise UserError(
                f"dataset.augment.min_scale={self.min_scale}: must be above 0 and at most 1"
            )


def augment(
    image: Tensor, mask: Tensor | None, config: AugmentConfig, seed: int
) -> tuple[Tensor, Tensor | None]:
    """Apply the same random geometry to an image and its mask.

    The result depends only on the arguments; the global random state is not changed.

    Args:
        image: float ``[bands, H, W]``; crops are resized bilinearly.
        mask: class indices ``[H, W]`` or ``None``; crops are resized to the nearest pixel.
        config: the changes to apply.
        seed: in 0..2**32 - 1, different for each sample and epoch.

    Returns:
        Image and mask of the same types and shapes; a quarter turn swaps height and width.
    """
    # Imported at first use: MONAI takes seconds to load, and only training needs it.
    from monai.transforms.croppad.array import RandSpatialCrop
    from monai.transforms.spatial.array import RandFlip, RandRotate90, Resize

    state = np.random.RandomState(seed)
    size = tuple(image.shape[-2:])
    layers = None if mask is None else mask[None]
    steps: list[RandFlip | RandRotate90 | RandSpatialCrop] = []
    if config.min_scale < 1:
        share = state.uniform(config.min_scale, 1)
        window = [max(1, round(share * side)) for side in size]
        steps.append(RandSpatialCrop(window, random_size=False))
    if config.flip_horizontal:
        steps.append(RandFlip(prob=0.5, spatial_axis=1))
    if config.flip_vertical:
        steps.append(RandFlip(prob=0.5, spatial_axis=0))
    if config.rotate90:
        steps.append(RandRotate90(prob=0.75, max_k=3))

    with _plain_tensors():
        for step in steps:
            step.set_random_state(state=state)
            image = step(image)
            if layers is not None:
                layers = step(layers, randomize=False)  # the same draw as for the image
            if isinstance(step, RandSpatialCrop):
                image = Resize(size, mode="bilinear")(image)
                if layers is not None:
                    # torch's "nearest" is shifted by half a pixel relative to "bilinear".
                    layers = Resize(size, mode="nearest-exact")(layers).to(layers.dtype)
    return image.contiguous(), None if layers is None else layers[0].contiguous()


@contextmanager
def _plain_tensors() -> Iterator[None]:
    """Keep MONAI from wrapping tensors to record its transforms."""
    from monai.data.meta_obj import get_track_meta, set_track_meta

    before = get_track_meta()
    set_track_meta(False)
    try:
        yield
    finally:
        set_track_meta(before)

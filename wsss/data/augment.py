"""Random geometry for an image and, where there is one, its mask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from wsss.errors import UserError


@dataclass(frozen=True)
class AugmentConfig:
    """Which random changes are made to training images.

    Raises:
        UserError: where `min_scale` is not in (0, 1].
    """

    flip_horizontal: bool
    """Left and right swapped, half of the time."""
    flip_vertical: bool
    """Top and bottom swapped, half of the time."""
    rotate90: bool
    """Turned by 0, 90, 180 or 270 degrees, equally often."""
    min_scale: float
    """Least share of the side that a random crop keeps, in (0, 1]; 1 never crops."""

    def __post_init__(self) -> None:
        """Check the one number."""
        if not 0 < self.min_scale <= 1:
            raise UserError(f"augment.min_scale={self.min_scale}: must be above 0 and at most 1")


def augment(
    image: Tensor, mask: Tensor | None, config: AugmentConfig, seed: int
) -> tuple[Tensor, Tensor | None]:
    """Change an image and its mask by the same random geometry.

    Depends on `seed` alone and leaves the global random state as it was.

    Args:
        image: float ``[B, H, W]``, interpolated bilinearly where a crop is resized.
        mask: class indices ``[H, W]`` or ``None``; takes the nearest pixel's class.
        config: which changes to draw from.
        seed: in 0..2**32 - 1, a new one for each sample and epoch.

    Returns:
        Both in the shapes and types they came in, height and width swapped by a quarter turn.
    """
    # Imported at first use because MONAI takes seconds, which stages without training can spare.
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
                layers = step(layers, randomize=False)  # what was drawn for the image
            if isinstance(step, RandSpatialCrop):
                image = Resize(size, mode="bilinear")(image)
                if layers is not None:
                    # torch's plain "nearest" lies half a pixel beside "bilinear".
                    layers = Resize(size, mode="nearest-exact")(layers).to(layers.dtype)
    return image.contiguous(), None if layers is None else layers[0].contiguous()


@contextmanager
def _plain_tensors() -> Iterator[None]:
    """Keep MONAI from wrapping tensors to track what was done to them."""
    from monai.data.meta_obj import get_track_meta, set_track_meta

    before = get_track_meta()
    set_track_meta(False)
    try:
        yield
    finally:
        set_track_meta(before)

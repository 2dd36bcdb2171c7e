"""Sizes of images and patches."""

from __future__ import annotations

Size = int | tuple[int, int]
"""Pixels: one number for both sides, or height and width."""


def pair(size: Size) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def grid_of(image_size: tuple[int, int], patch_size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of patches; ValueError unless the patches fill the image exactly."""
    if image_size[0] % patch_size[0] or image_size[1] % patch_size[1]:
        raise ValueError(f"image size {image_size} is not a multiple of patch size {patch_size}")
    return image_size[0] // patch_size[0], image_size[1] // patch_size[1]


def whole_patches(
    image_size: tuple[int, int], patch_size: tuple[int, int], scale: float = 1.0
) -> tuple[int, int]:
    """The multiple of the patch size nearest to the scaled image size, in pixels; at least one."""
    height, width = (
        max(1, round(side * scale / p)) * p for side, p in zip(image_size, patch_size, strict=True)
    )
    return height, width

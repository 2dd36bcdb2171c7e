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

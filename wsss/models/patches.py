"""An image as a grid of patches."""

from __future__ import annotations

from torch import Tensor, nn

Size = int | tuple[int, int]
"""Pixels: one number for both sides, or height and width."""


class PatchEmbed(nn.Module):
    """Non-overlapping patches to tokens by one strided convolution."""

    def __init__(self, in_channels: int, dim: int, patch_size: tuple[int, int]) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, dim, kernel_size=patch_size, stride=patch_size)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[B, bands, H, W]`` to tokens ``[B, h * w, D]``, row by row."""
        tokens: Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return tokens


def pair(size: Size) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def grid_of(image_size: tuple[int, int], patch_size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of patches; ValueError for an image that is no whole number of them."""
    if image_size[0] % patch_size[0] or image_size[1] % patch_size[1]:
        raise ValueError(f"image size {image_size} is no multiple of patch size {patch_size}")
    return image_size[0] // patch_size[0], image_size[1] // patch_size[1]

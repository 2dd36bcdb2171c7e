"""Patches of an image as tokens."""

from __future__ import annotations

from torch import Tensor, nn

from wsss.models.architecture import Architecture


class PatchEmbed(nn.Module):
    """Turns non-overlapping patches into tokens by one strided convolution."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        patch = architecture.patch_size
        self.proj = nn.Conv2d(
            architecture.in_channels, architecture.embed_dim, kernel_size=patch, stride=patch
        )

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[B, bands, H, W]`` to tokens ``[B, N, D]``, row by row."""
        tokens: Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return tokens

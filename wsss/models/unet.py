"""Residual U-Net."""

from __future__ import annotations

from torch import nn


def build_unet(
    in_channels: int, num_classes: int, *, channels: list[int], residual_units: int
) -> nn.Module:
    """MONAI's U-Net (Ronneberger et al., MICCAI 2015) with residual units.

    The network maps images ``[B, in_channels, H, W]`` to scores ``[B, num_classes, H, W]``.

    Args:
        in_channels: number of bands of an image.
        num_classes: number of classes.
        channels: width of each level; every level but the first halves the resolution.
        residual_units: number of residual units in each level.
    """
    from monai.networks.nets.unet import UNet

    return UNet(
        spatial_dims=2,
        in_channels=in_channels,
        out_channels=num_classes,
        channels=channels,
        strides=[2] * (len(channels) - 1),
        num_res_units=residual_units,
        norm="batch",
    )

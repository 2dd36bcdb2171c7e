"""Class scores of patches by a layer that has learnt from its own labels."""

from __future__ import annotations

from torch import Tensor, nn

from wsss.models.centring import centred


class Labeller(nn.Module):
    """A linear layer on patch tokens less their image's mean.

    Without what the tokens of an image share, a layer must tell the patches of an image apart.

    Args:
        dim: token width.
        num_classes: number of classes.
    """

    def __init__(self, dim: int, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dim, num_classes, kernel_size=1)

    def forward(self, patches: Tensor) -> Tensor:
        """Patch tokens ``[B, D, h, w]`` to class scores ``[B, C, h, w]``.

        NaN is no patch, and its scores mean nothing.
        """
        scores: Tensor = self.conv(centred(patches, ~patches[:, 0].isnan()))
        return scores

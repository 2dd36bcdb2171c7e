"""A segmenter on the patch tokens of a vision transformer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wsss.models.vit import ClassTokenViT

CELLS = 4
"""Scores per side of a patch when the decoder is trained on stored tokens."""
_HEADS = {"token_head": "none", "patch_head": "average", "patch_members": 1, "labeller": False}


class EncoderSegmenter(nn.Module):
    """A light decoder on the patch tokens of a frozen encoder.

    Two convolutions give class scores of patches, which are upsampled bilinearly.

    Args:
        in_channels: number of bands of an image.
        num_classes: number of classes.
        encoder: `Architecture.description` of the classifier whose encoder is used.
        decoder_width: width of the decoder's hidden layer.

    Raises:
        ValueError: the encoder has other bands.
    """

    def __init__(
        self, in_channels: int, num_classes: int, *, encoder: Mapping[str, Any], decoder_width: int
    ) -> None:
        super().__init__()
        self.encoder = ClassTokenViT(**(dict(encoder) | _HEADS)).requires_grad_(False)
        if in_channels != self.encoder.architecture.in_channels:
            raise ValueError(f"{in_channels} bands, the encoder {encoder['in_channels']}")
        self.decoder = nn.Sequential(
            nn.Conv2d(self.encoder.architecture.embed_dim, decoder_width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(decoder_width, num_classes, 1),
        )

    def take_encoder(self, classifier: ClassTokenViT) -> Self:
        """Copy the encoder of a trained classifier."""
        own, theirs = self.encoder.state_dict(), classifier.state_dict()
        shared = {n: v for n, v in theirs.items() if n in own and not n.startswith("patch_head.")}
        self.encoder.load_state_dict(own | shared)
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Images ``[B, in_channels, H, W]`` to scores ``[B, num_classes, H, W]``.

        ``H`` and ``W`` are multiples of the encoder's patch size.
        """
        with torch.no_grad():
            patches = self.encoder.eval().encode(images).patches
        assert patches is not None
        scores = self.decoder(patches)
        return F.interpolate(scores, images.shape[-2:], mode="bilinear", align_corners=False)


class TokenDecoder(nn.Module):
    """The decoder of an `EncoderSegmenter`, for patch tokens that its encoder has computed.

    Args:
        segmenter: training this trains the decoder of that.
    """

    def __init__(self, segmenter: EncoderSegmenter) -> None:
        super().__init__()
        self.decoder = segmenter.decoder

    def forward(self, patches: Tensor) -> Tensor:
        """Patch tokens ``[B, D, h, w]`` to scores ``[B, num_classes, CELLS * h, CELLS * w]``.

        NaN is no patch, as beyond the border of an image.
        """
        scores = self.decoder(patches.nan_to_num())
        return F.interpolate(scores, scale_factor=CELLS, mode="bilinear", align_corners=False)

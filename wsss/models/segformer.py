"""SegFormer."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class SegFormer(nn.Module):
    """SegFormer (Xie et al., NeurIPS 2021) of Transformers, with scores at full resolution.

    The first stage has a quarter of the image's resolution, every other stage half of that before
    it. There is no dropout and no stochastic depth: they draw from the global random state, which
    a resumed training does not restore.

    Args:
        in_channels: number of bands of an image.
        num_classes: number of classes.
        widths: token width by stage.
        depths: number of blocks by stage.
        heads: number of attention heads by stage.
        reductions: factor by stage by which the grid of keys and values is reduced per side.
        decoder_width: width of the decoder's hidden layer.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        widths: list[int],
        depths: list[int],
        heads: list[int],
        reductions: list[int],
        decoder_width: int,
    ) -> None:
        from transformers import SegformerConfig, SegformerForSemanticSegmentation  # takes seconds

        super().__init__()
        later = len(widths) - 1
        self.network = SegformerForSemanticSegmentation(
            SegformerConfig(
                num_channels=in_channels,
                num_labels=num_classes,  # type: ignore[call-arg]  # taken by its base class
                num_encoder_blocks=len(widths),
                depths=depths,
                sr_ratios=reductions,
                hidden_sizes=widths,
                patch_sizes=[7] + [3] * later,
                strides=[4] + [2] * later,
                num_attention_heads=heads,
                mlp_ratios=[4] * len(widths),
                decoder_hidden_size=decoder_width,
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
                classifier_dropout_prob=0.0,
                drop_path_rate=0.0,
            )
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images ``[B, in_channels, H, W]`` to scores ``[B, num_classes, H, W]``."""
        quarter = self.network(pixel_values=images).logits
        return F.interpolate(quarter, images.shape[-2:], mode="bilinear", align_corners=False)

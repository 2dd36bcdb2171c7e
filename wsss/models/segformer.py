"""SegFormer."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class SegFormer(nn.Module):
    """Transformers' SegFormer (Xie et al., NeurIPS 2021) with fresh weights and full-size scores.

    The first stage has a quarter of the image's resolution, every other one half of its
    predecessor's. There is neither dropout nor stochastic depth: they draw from the process-wide
    random state, which a resumed training does not find as it was.

    Args:
        in_channels: bands of an image.
        num_classes: scores of a pixel.
        widths: of the tokens, by stage.
        depths: blocks, by stage.
        heads: attention heads, by stage.
        reductions: by which keys and values are shortened per side, by stage.
        decoder_width: of the decoder's one hidden layer.
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

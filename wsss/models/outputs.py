"""What the class-token vision transformer returns."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class AttentionOutput(NamedTuple):
    """What the model returns when maps are asked for."""

    logits: Tensor
    """``[B, C]``, before sigmoid or softmax."""
    class_attention: Tensor
    """``[B, layers, C, h, w]``: class-to-patch attention, mean over heads, float32 in [0, 1]."""


class Encoded(NamedTuple):
    """What the blocks make of images; ``T`` is the number of class tokens."""

    layer_tokens: list[Tensor]
    """Class tokens after every block, each ``[B, T, D]``; masked in the last."""
    patches: Tensor | None
    """Patch tokens after the last block ``[B, D, h, w]``, where there is a patch head."""
    class_attention: Tensor | None
    """``[B, layers, T, h, w]``, where asked for."""


class Scores(NamedTuple):
    """Class scores by their origin, and what they were made from."""

    logits: Tensor
    """``[B, C]``, before sigmoid or softmax: the mean of those of both heads, where it has both."""
    token_logits: Tensor | None
    """``[B, C]`` of the class tokens."""
    patch_logits: Tensor | None
    """``[B, C]`` of the patch head."""
    patch_scores: Tensor | None
    """``[B, C, h, w]``: what the patch head makes of every patch, pooled into its logits."""
    encoded: Encoded

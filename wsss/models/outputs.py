"""What the class-token vision transformer returns."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class AttentionOutput(NamedTuple):
    """What the model returns with ``return_attention=True``."""

    logits: Tensor
    """``[B, C]``, before sigmoid or softmax."""
    class_attention: Tensor
    """``[B, L, K, h, w]``: class-to-patch attention, mean over heads, float32 in [0, 1]."""


class Encoded(NamedTuple):
    """Output of the blocks."""

    layer_tokens: list[Tensor]
    """Class tokens after every block, each ``[B, K, D]``; hidden ones are 0 in the last."""
    patches: Tensor | None
    """Patch tokens after the last block ``[B, D, h, w]``; ``None`` without a patch head."""
    class_attention: Tensor | None
    """``[B, L, K, h, w]``, see `AttentionOutput`; ``None`` unless requested."""


class Scores(NamedTuple):
    """Class scores of each head, and what they were computed from."""

    logits: Tensor
    """``[B, C]``, before sigmoid or softmax; the mean over the heads that the model has."""
    token_logits: Tensor | None
    """``[B, C]`` of the class tokens; ``None`` without a token head."""
    patch_logits: Tensor | None
    """``[B, C]`` of the patch head, if there is one; the mean over its members."""
    patch_scores: Tensor | None
    """``[B, C, h, w]``: scores of every patch, which the patch head pools into its logits; the mean
    over its members."""
    encoded: Encoded
    member_logits: Tensor | None = None
    """``[B, M, C]`` of each member of the patch head, which are trained apart."""

"""The patch head of a classifier, as a model of patch tokens that an encoder has computed."""

from __future__ import annotations

from torch import Tensor, nn

from wsss.models.hidden import HiddenTokens
from wsss.models.outputs import Encoded, Scores
from wsss.models.patch_head import PatchHead


class TokenClassifier(nn.Module):
    """Scores as `ClassTokenViT.score` gives them, for a model without a token head.

    Args:
        head: shared with the classifier, so that training it here trains the classifier.
    """

    gates: None = None

    def __init__(self, head: PatchHead) -> None:
        super().__init__()
        self.patch_head = head

    def forward(self, patches: Tensor) -> Tensor:
        """Patch tokens ``[B, D, h, w]`` to logits ``[B, C]``."""
        return self.score(patches).logits

    def score(
        self,
        patches: Tensor,
        *,
        hidden: HiddenTokens | None = None,
        gates: Tensor | None = None,
        return_attention: bool = False,
    ) -> Scores:
        """Class scores of patch tokens ``[B, D, h, w]``; there is no attention to return."""
        scores = self.patch_head(patches)
        logits = self.patch_head.pool(scores, None if hidden is None else hidden.competing())
        return Scores(logits, None, logits, scores, Encoded([], patches, None))

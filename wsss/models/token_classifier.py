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
        """Patch tokens ``[B, D, h, w]`` to logits ``[B, C]``; NaN is no patch."""
        return self.score(patches).logits

    def score(
        self,
        patches: Tensor,
        *,
        hidden: HiddenTokens | None = None,
        gates: Tensor | None = None,
        return_attention: bool = False,
    ) -> Scores:
        """Class scores of patch tokens ``[B, D, h, w]``; there is no attention to return.

        NaN is no patch: it takes no part in logits, and its scores mean nothing.
        """
        valid = ~patches[:, 0].isnan()
        scores = self.patch_head(patches, valid)
        keep = None if hidden is None else hidden.competing()
        of_members = self.patch_head.pool(scores, keep, valid)
        logits = of_members.mean(dim=1)
        encoded = Encoded([], patches.nan_to_num(), None)
        return Scores(logits, None, logits, scores.mean(dim=1), encoded, of_members)

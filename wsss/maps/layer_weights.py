"""Weights of the layers' class attention, learnt from image labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from wsss.errors import UserError
from wsss.models.vit import ClassTokenViT
from wsss.training.losses import classification_loss

STEPS = 100


@torch.no_grad()
def attended_scores(
    model: ClassTokenViT, images: Tensor, head_weights: Sequence[Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """Patch scores that each layer's class attention attends to.

    Args:
        model: classifier with a patch head and a token per class, in evaluation mode.
        images: ``[B, bands, H, W]``, standardised.
        head_weights: as in `ClassTokenViT.forward`.

    Returns:
        sums over patches of attention times patch scores, and of attention, each ``[B, L, C]``.
    """
    scores = model.score(images, return_attention=True, head_weights=head_weights)
    attention, patches = scores.encoded.class_attention, scores.patch_scores
    assert attention is not None and patches is not None
    found = (attention * patches.float().unsqueeze(1)).sum(dim=(-2, -1))
    return found, attention.sum(dim=(-2, -1))


def learn_layer_weights(
    batches: Iterable[tuple[tuple[Tensor, Tensor], Tensor]], multi_label: bool
) -> Tensor:
    """Weights of layers for which attention selects the patches that show a class.

    The weighted class attention of all layers pools the patch scores of an image into class scores,
    and their classification loss is minimised over the layer weights only. WeakTr
    (Zhu et al., 2023) also weights attention by image labels. Only `attended_scores` are kept.

    Args:
        batches: `attended_scores` and labels ``[B, C]`` of 0 and 1.
        multi_label: whether an image may have several labels.

    Returns:
        ``[L]``, at least 0, with sum 1.
    """
    sums, labels = zip(*batches, strict=True)
    found, given = (torch.cat(parts).double() for parts in zip(*sums, strict=True))
    target = torch.cat(labels).double()
    free = torch.zeros(found.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([free], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        weights = free.softmax(dim=0)
        joined = torch.einsum("blc,l->bc", found, weights)
        total = torch.einsum("blc,l->bc", given, weights).clamp(min=1e-12)
        value = classification_loss(joined / total, target, multi_label)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    weights = free.detach().softmax(dim=0).float()
    if not weights.isfinite().all():
        raise UserError(
            "the weights of layers have diverged: a class score is not a number; "
            "train the classifier with a lower optimizer.lr, or set attention.layers=all"
        )
    return weights

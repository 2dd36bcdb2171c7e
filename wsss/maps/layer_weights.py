"""How much each layer's class attention should count, learnt from image labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from wsss.models.vit import ClassTokenViT
from wsss.training.losses import classification_loss

STEPS = 100


@torch.no_grad()
def attended_scores(
    model: ClassTokenViT, images: Tensor, head_weights: Sequence[Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """What class attention finds in the patch scores of images, layer by layer.

    Args:
        model: classifier with a patch head and a token per class, in evaluation mode.
        images: ``[B, bands, H, W]``, standardised.
        head_weights: as in `ClassTokenViT.forward`.

    Returns:
        patch scores summed with attention as weight, and that attention summed, ``[B, layers, C]``.
    """
    scores = model.score(images, return_attention=True, head_weights=head_weights)
    attention, patches = scores.encoded.class_attention, scores.patch_scores
    assert attention is not None and patches is not None
    found = (attention * patches.float().unsqueeze(1)).sum(dim=(-2, -1))
    return found, attention.sum(dim=(-2, -1))


def learn_layer_weights(
    batches: Iterable[tuple[tuple[Tensor, Tensor], Tensor]], multi_label: bool
) -> Tensor:
    """Weights of layers under which attention points at the patches that show a class.

    The class attention of all layers, joined by these weights, pools the patch scores of an image;
    the classification loss of what comes out is minimised over the weights alone, after the idea
    of WeakTr (Zhu et al., 2023) to let image labels weigh attention. Nothing but the sums of
    `attended_scores` is kept of an image.

    Args:
        batches: `attended_scores` of images, and their labels ``[B, C]`` of 0 and 1.
        multi_label: several labels an image, or exactly one.

    Returns:
        ``[layers]``, from 0 up, of sum 1.
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
    return free.detach().softmax(dim=0).float()

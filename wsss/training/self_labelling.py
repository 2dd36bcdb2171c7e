"""A layer that labels the patches of the training images, and learns from its labels.

A classifier trained on image labels finds the most telling patches. A linear layer that is trained
on the classifier's own assignment of patches to the labels of their image, again and again, spreads
to the patches that look alike, as expectation maximisation for a mixture does (Dempster et al.,
1977; for segmentation from image labels Papandreou et al., ICCV 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wsss.checks import check_between, check_positive, check_share
from wsss.models.labeller import Labeller
from wsss.models.patch_head import PatchHead
from wsss.randomness import keyed_generator

_BALANCING = 10
"""Iterations that raise labels to their least share."""
_BATCH = 32


@dataclass(frozen=True)
class SelfLabelling:
    """Settings of the config group ``self_labelling``."""

    rounds: int
    """How often patches are labelled and learnt from; 0 for no self-labelling."""
    epochs: int
    """Passes over the training images in each round, at least 1."""
    lr: float
    """Learning rate of AdamW."""
    least_share: float
    """Least share of an image that each of its labels has, times the number of its labels.

    In [0, 1]; 0 lets a label vanish from an image.
    """

    def __post_init__(self) -> None:
        check_between("self_labelling.rounds", self.rounds, 0, 10_000)
        check_between("self_labelling.epochs", self.epochs, 1, 10_000)
        check_positive("self_labelling.lr", self.lr)
        check_share("self_labelling.least_share", self.least_share)


def assign(scores: Tensor, labels: Tensor, least_share: float) -> Tensor:
    """What part of each patch belongs to each label of its image.

    Args:
        scores: of patches, ``[B, C, h, w]``.
        labels: image labels ``[B, C]`` of 0 and 1.
        least_share: see `SelfLabelling`.

    Returns:
        ``[B, C, h, w]`` in [0, 1]: the softmax over the labels of the image, raised where a label
        has less than its least share of the image; 0 for an image without labels.
    """
    present = labels[:, :, None, None]
    least = torch.finfo(scores.dtype).min
    parts = scores.masked_fill(present == 0, least).softmax(dim=1) * present
    target = least_share * labels / labels.sum(dim=1, keepdim=True).clamp_min(1)
    tiny = torch.finfo(scores.dtype).tiny
    for _ in range(_BALANCING):
        factor = (target / parts.mean(dim=(2, 3)).clamp_min(tiny)).clamp_min(1)
        parts = parts * factor[:, :, None, None]
        parts = parts / parts.sum(dim=1, keepdim=True).clamp_min(tiny)
    return parts


def learn_from_own_labels(
    head: PatchHead,
    tokens: NDArray[np.float16],
    labels: Tensor,
    settings: SelfLabelling,
    *,
    seed: int,
    report: Callable[[int, dict[str, float]], None],
) -> Labeller:
    """Train a labeller, starting from the assignment by a trained patch head.

    Args:
        head: its scores give the first assignment.
        tokens: patch tokens ``[images, views, D, h, w]``; the first view is used.
        labels: image labels ``[images, C]``.
        settings: rounds and training.
        seed: seed of the experiment.
        report: called after each round with its number and metrics: the loss, and the share of
            patches that changed their label.

    Returns:
        The labeller, in evaluation mode.
    """
    generator = keyed_generator(seed, "self-labelling")
    labeller = Labeller(tokens.shape[2], labels.shape[1])
    torch.nn.init.trunc_normal_(labeller.conv.weight, std=0.02, generator=generator)
    torch.nn.init.zeros_(labeller.conv.bias)  # type: ignore[arg-type]
    score: Callable[[Tensor], Tensor] = head
    before: Tensor | None = None
    for number in range(settings.rounds):
        optimizer = torch.optim.AdamW(labeller.parameters(), lr=settings.lr, weight_decay=0.05)
        with torch.no_grad():
            parts = torch.cat(
                [
                    assign(score(_rows(tokens, rows)), labels[rows], settings.least_share).half()
                    for rows in torch.split(torch.arange(len(tokens)), _BATCH)
                ]
            )
        loss = 0.0
        for _ in range(settings.epochs):
            losses = []
            order = torch.randperm(len(tokens), generator=generator)
            for rows in torch.split(order, _BATCH):
                found = labeller(_rows(tokens, rows)).log_softmax(dim=1)
                entropy = -(parts[rows].float() * found).sum(dim=1).mean()
                optimizer.zero_grad()
                torch.autograd.backward(entropy)
                optimizer.step()
                losses.append(entropy.detach() * len(rows))
            loss = float(torch.stack(losses).sum()) / len(tokens)
        now = parts.argmax(dim=1)
        changed = 1.0 if before is None else float((now != before).float().mean())
        report(number, {"self_labelling/loss": loss, "self_labelling/changed": changed})
        before, score = now, labeller
    return labeller.eval()


def _rows(tokens: NDArray[np.float16], rows: Tensor) -> Tensor:
    return torch.from_numpy(tokens[rows.numpy(), 0].astype(np.float32))

"""A layer that labels the patches of the training images, and learns from its labels.

A classifier trained on image labels finds the most telling patches. A linear layer that is trained
on the classifier's own assignment of patches to the labels of their image, again and again, spreads
to the patches that look alike, as expectation maximisation for a mixture does (Dempster et al.,
1977; for segmentation from image labels Papandreou et al., ICCV 2015).

This helps as long as patches that look alike are of one class. Where they are not, as in land
cover, each round moves classes further from where the classifier found them. Labels of images that
were not learnt from tell which is the case, and which round to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from torch import Tensor

from wsss.models.centring import centred
from wsss.models.labeller import Labeller
from wsss.models.patch_head import PatchHead
from wsss.randomness import keyed_generator
from wsss.training.self_labelling_config import SelfLabelling
from wsss.training.stored_tokens import StoredTokens
from wsss.training.tag_likelihood import TaggedTokens, tag_likelihood

_BALANCING = 10
"""Iterations that raise labels to their least share."""
_BATCH = 32


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
    images: TaggedTokens,
    val: TaggedTokens,
    settings: SelfLabelling,
    *,
    seed: int,
    report: Callable[[int, dict[str, float]], None],
) -> tuple[Labeller, int]:
    """Train a labeller, starting from the assignment by a trained patch head.

    Args:
        head: the first assignment is the mean over those by its members.
        images: of the training split; the first view is used.
        val: of the validation split.
        settings: rounds and training.
        seed: seed of the experiment.
        report: called after each round with its number and metrics: the loss, the share of patches
            that changed their label, and the `tag_likelihood` of the validation split.

    Returns:
        The labeller after the round with the highest likelihood, in evaluation mode, and the number
        of that round, from 1.
    """
    tokens, labels = images
    generator = keyed_generator(seed, "self-labelling")
    labeller = Labeller(tokens.dim, labels.shape[1])
    torch.nn.init.trunc_normal_(labeller.conv.weight, std=0.02, generator=generator)
    torch.nn.init.zeros_(labeller.conv.bias)  # type: ignore[arg-type]
    every, least = range(len(tokens)), settings.least_share
    parts = [_by_members(head, tokens.read(i), labels[i], least) for i in every]
    before: list[Tensor] | None = None
    highest, best, kept = -torch.inf, labeller, 1
    for number in range(settings.rounds):
        if before is not None:
            parts = [_by_labeller(labeller, tokens.read(i), labels[i], least) for i in every]
        loss = _learn(labeller, tokens, parts, settings=settings, generator=generator)
        now = [part.argmax(dim=0) for part in parts]
        changed = 1.0 if before is None else _changed(before, now)
        likelihood = tag_likelihood(labeller, val)
        if number == 0 or likelihood > highest:
            highest, best, kept = likelihood, deepcopy(labeller), number + 1
        found = {"loss": loss, "changed": changed, "val_tag_likelihood": likelihood}
        report(number, {f"self_labelling/{name}": value for name, value in found.items()})
        before = now
    return best.eval(), kept


@torch.no_grad()
def _by_members(head: PatchHead, patches: Tensor, labels: Tensor, least: float) -> Tensor:
    """What part of each patch of an image belongs to each class, ``[C, h, w]``, float16."""
    of_members = head(patches[None])[0]
    parts = assign(of_members, labels.expand(len(of_members), -1), least)
    return parts.mean(dim=0).half()


@torch.no_grad()
def _by_labeller(labeller: Labeller, patches: Tensor, labels: Tensor, least: float) -> Tensor:
    return assign(labeller(patches[None]), labels[None], least)[0].half()


def _learn(
    labeller: Labeller,
    tokens: StoredTokens,
    parts: Sequence[Tensor],
    *,
    settings: SelfLabelling,
    generator: torch.Generator,
) -> float:
    """Train the labeller on an assignment; the cross-entropy per patch in the last epoch."""
    optimizer = torch.optim.AdamW(labeller.parameters(), lr=settings.lr, weight_decay=0.05)
    loss = 0.0
    for _ in range(settings.epochs):
        losses, patches = [], 0
        for rows in torch.split(torch.randperm(len(tokens), generator=generator), _BATCH):
            chosen: list[int] = rows.tolist()
            given = _one_row([parts[i] for i in chosen]).float()
            row = _one_row([centred(tokens.read(i)[None])[0] for i in chosen])
            count = row.shape[-1]
            entropy = -(given * labeller.conv(row).log_softmax(dim=1)).sum() / count
            optimizer.zero_grad()
            torch.autograd.backward(entropy)
            optimizer.step()
            losses.append(entropy.detach() * count)
            patches += count
        loss = float(torch.stack(losses).sum()) / patches
    return loss


def _one_row(images: Sequence[Tensor]) -> Tensor:
    """Patches of images ``[channels, h, w]`` of several sizes, ``[1, channels, 1, patches]``."""
    return torch.cat([image.flatten(1) for image in images], dim=1)[None, :, None]


def _changed(before: Sequence[Tensor], now: Sequence[Tensor]) -> float:
    """Share of patches that another class has most of."""
    changed = sum(int((old != new).sum()) for old, new in zip(before, now, strict=True))
    return changed / sum(old.numel() for old in before)

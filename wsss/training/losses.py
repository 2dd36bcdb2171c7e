"""The losses of the classifier."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.models.outputs import Scores
from wsss.training.loss_config import LossConfig


def class_probabilities(logits: Tensor, multi_label: bool) -> Tensor:
    """Probabilities ``[B, C]``: sigmoid for several classes per image, softmax for exactly one."""
    return logits.sigmoid() if multi_label else logits.softmax(dim=1)


def classification_loss(logits: Tensor, labels: Tensor, multi_label: bool) -> Tensor:
    """Binary cross-entropy for several classes per image, cross-entropy for exactly one.

    ``logits`` and ``labels`` are ``[B, C]``; the labels hold 0 and 1.
    """
    if multi_label:
        return F.binary_cross_entropy_with_logits(logits, labels)
    return F.cross_entropy(logits, labels.argmax(dim=1))


def training_loss(scores: Scores, labels: Tensor, multi_label: bool, config: LossConfig) -> Tensor:
    """Sum of the classification losses of all heads and the weighted other terms.

    ``scores`` must hold class attention if ``config.diversity`` is above 0.
    """
    heads = [] if scores.token_logits is None else [scores.token_logits]
    if scores.member_logits is not None:
        heads += scores.member_logits.unbind(dim=1)
    parts = [classification_loss(logits.float(), labels, multi_label) for logits in heads]
    if config.diversity:
        assert scores.encoded.class_attention is not None
        parts.append(config.diversity * diversity(scores.encoded.class_attention.sum(dim=1)))
    if config.contrast:
        parts.append(config.contrast * contrast(scores.encoded.layer_tokens))
    return torch.stack(parts).sum()


def diversity(maps: Tensor) -> Tensor:
    """Similarity of the attention maps of different classes ("Know Your Attention Maps", 2025).

    Maps ``[B, C, h, w]`` are flattened and scaled to length 1; the term is the Frobenius norm of
    their Gram matrix minus the identity, averaged over the batch: 0 if no two maps overlap.
    """
    flat = F.normalize(maps.flatten(2).float(), dim=-1)
    gram = flat @ flat.transpose(1, 2)
    apart = gram - torch.eye(gram.shape[-1], device=gram.device)
    norms: Tensor = torch.linalg.matrix_norm(apart)
    return norms.mean()


def contrast(layer_tokens: Sequence[Tensor]) -> Tensor:
    """Similarity of the tokens of different classes (MCTformer+, Xu et al., 2023).

    In every layer, the cosines between the class tokens ``[B, K, D]`` of an image are scores by
    which each token is matched with itself: cross-entropy against the identity, averaged over
    tokens, images and layers.
    """
    terms = []
    for tokens in layer_tokens:
        unit = F.normalize(tokens.float(), dim=-1)
        cosines = unit @ unit.transpose(1, 2)
        itself = torch.arange(cosines.shape[1], device=cosines.device).expand(cosines.shape[:2])
        terms.append(F.cross_entropy(cosines.flatten(0, 1), itself.flatten()))
    return torch.stack(terms).mean()

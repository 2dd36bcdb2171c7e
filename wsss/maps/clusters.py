"""Class maps of a plain ViT: its heads clustered, each cluster classified by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from einops import rearrange, repeat
from scipy.cluster.vq import kmeans2
from torch import Tensor

from wsss.maps.otsu import otsu_threshold
from wsss.models.block import Block
from wsss.models.vit import ClassTokenViT

PRESENT = 0.5
"""Probability from which a class counts as present."""


@torch.no_grad()
def cluster_maps(
    model: ClassTokenViT,
    images: Tensor,
    inputs: Sequence[Tensor],
    logits: Tensor,
    layers: Sequence[int],
) -> Tensor:
    """Class maps from the heads of a model with one class token for all classes.

    After "Sparse Multimodal Vision Transformer for WSSS" (Hanna et al., CVPRW 2023). For each
    image, the attention maps of the class token in all heads, each over its maximum, are clustered
    by k-means into as many groups as classes are predicted. A group's mean map has a foreground,
    where it reaches Otsu's threshold (1-D 2-means), and the classifier is shown the image with
    everything else blanked. There, the paper gives the foreground the likeliest class; here the
    group's mean map counts for every class by its share in the softmax of these scores, which
    leaves overlaps to the mask rule.

    Args:
        model: classifier in evaluation mode.
        images: ``[B, bands, H, W]``, standardised, so that 0 is the mean.
        inputs: of every block, see `wsss.models.trace`.
        logits: ``[B, C]`` of the images.
        layers: numbers of the blocks whose heads take part.

    Returns:
        ``[B, C, h, w]`` from 0 to the number of clusters; 0 where no head is left.
    """
    height, width = (images.shape[-2 + i] // model.patch_size[i] for i in (0, 1))
    heads = _head_maps(model, inputs, layers, height * width)
    result = images.new_zeros(len(images), model.num_classes, height, width)
    if heads.shape[1] == 0:
        return result
    for index, image in enumerate(images):
        present = int((logits[index].sigmoid() >= PRESENT).sum())
        means = _cluster_means(heads[index], max(1, present))
        regions = torch.stack([mean >= otsu_threshold(mean.cpu().numpy()) for mean in means])
        down, right = model.patch_size
        seen = repeat(regions.float(), "k (h w) -> k 1 (h p) (w q)", h=height, p=down, q=right)
        shares = model(image * seen).float().softmax(dim=1)
        result[index] = rearrange(shares.T @ means, "c (h w) -> c h w", h=height)
    return result


def _head_maps(
    model: ClassTokenViT, inputs: Sequence[Tensor], layers: Sequence[int], patches: int
) -> Tensor:
    """Attention of the class token in every head ``[B, heads, patches]``, each over its maximum."""
    parts = []
    for layer in layers:
        block = model.blocks[layer]
        assert isinstance(block, Block)
        rows = block.attn.head_rows(block.norm1(inputs[layer]), num_rows=1)
        parts.append(rows[:, :, 0, 1 : 1 + patches])
    heads = torch.cat(parts, dim=1)
    return heads / heads.amax(dim=-1, keepdim=True)


def _cluster_means(heads: Tensor, groups: int) -> Tensor:
    """Means of the clusters of heads ``[heads, patches]``, at most ``groups`` of them."""
    points = heads.cpu().numpy().astype(np.float64)
    groups = min(groups, len(points))
    _, members = kmeans2(points, groups, minit="++", seed=0, missing="warn")
    return torch.stack([heads[torch.from_numpy(members == g)].mean(0) for g in np.unique(members)])

"""Class maps of a plain ViT: clusters of its heads, each classified separately."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from einops import rearrange, repeat
from torch import Tensor

from wsss.maps.otsu import otsu_threshold
from wsss.maps.sources.source import EncodedView
from wsss.models.block import Block
from wsss.models.vit import ClassTokenViT

PRESENT = 0.5
"""Lowest probability at which a class counts as present."""


@torch.no_grad()
def clusters(view: EncodedView) -> Tensor:
    """Class maps from the heads of a model with one class token for all classes.

    After "Sparse Multimodal Vision Transformer for WSSS" (Hanna et al., CVPRW 2023). For each
    image, the class token's attention maps in all heads, each divided by its maximum, are clustered
    by k-means into as many groups as classes are predicted. The foreground of a group is where its
    mean map reaches Otsu's threshold, and the classifier scores the image with all other pixels set
    to 0. The paper gives the foreground to the most probable class. Here the group's mean map
    counts for every class, weighted by the softmax of these scores, which leaves overlaps to the
    mask rule.

    Returns:
        ``[B, C, h, w]`` from 0 to the number of clusters; 0 if the chosen layers have no head.
    """
    model, images, (height, width) = view.model, view.images, view.grid
    assert images is not None
    heads = _head_maps(model, view.block_inputs, view.layers, num_patches=height * width)
    result = images.new_zeros(len(images), model.num_classes, height, width)
    if heads.shape[1] == 0:
        return result
    for index, image in enumerate(images):
        present = int((view.scores.logits[index].sigmoid() >= PRESENT).sum())
        means = _cluster_means(heads[index], max(1, present))
        regions = torch.stack([mean >= otsu_threshold(mean.cpu().numpy()) for mean in means])
        down, right = model.patch_size
        seen = repeat(regions.float(), "k (h w) -> k 1 (h p) (w q)", h=height, p=down, q=right)
        shares = model(image * seen).float().softmax(dim=1)
        result[index] = rearrange(shares.T @ means, "c (h w) -> c h w", h=height)
    return result


def _head_maps(
    model: ClassTokenViT, inputs: Sequence[Tensor], layers: Sequence[int], *, num_patches: int
) -> Tensor:
    """The class token's attention in every head ``[B, heads, N]``, divided by its maximum."""
    parts = []
    for layer in layers:
        block = model.blocks[layer]
        assert isinstance(block, Block)
        rows = block.attn.head_rows(block.norm1(inputs[layer]), num_rows=1)
        parts.append(rows[:, :, 0, 1 : 1 + num_patches])
    heads = torch.cat(parts, dim=1)
    return heads / heads.amax(dim=-1, keepdim=True)


def _cluster_means(heads: Tensor, num_clusters: int) -> Tensor:
    """Mean map of each cluster of heads ``[heads, N]``; at most ``num_clusters`` are not empty."""
    from scipy.cluster.vq import kmeans2  # slow to import, and few configs need it

    points = heads.cpu().numpy().astype(np.float64)
    num_clusters = min(num_clusters, len(points))
    _, members = kmeans2(points, num_clusters, minit="++", seed=0, missing="warn")
    return torch.stack([heads[torch.from_numpy(members == g)].mean(0) for g in np.unique(members)])

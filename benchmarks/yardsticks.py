"""Bare vision transformers as baselines; they share no code with ours.

Both compute the same as `wsss.models.vit.ClassTokenViT` without a patch head and load its weights,
so that tests can check that all three give equal scores and maps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wsss.models.vit import ClassTokenViT


class BareBlock(nn.Module):
    """Pre-norm block; if ``explicit``, computes softmax(q k^T) v and returns the attention."""

    def __init__(self, dim: int, heads: int, eps: float, explicit: bool) -> None:
        super().__init__()
        self.heads, self.explicit = heads, explicit
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps), nn.LayerNorm(dim, eps)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Tokens ``[B, T, D]``, and attention ``[B, heads, T, T]`` if explicit."""
        batch, tokens, dim = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, tokens, 3, self.heads, dim // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attention = None
        if self.explicit:
            attention = (q @ k.transpose(-2, -1) * (dim // self.heads) ** -0.5).softmax(-1)
            out = attention @ v
        else:
            out = F.scaled_dot_product_attention(q, k, v)
        x = x + self.proj(out.transpose(1, 2).reshape(batch, tokens, dim))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x)))), attention


class BareViT(nn.Module):
    """Class tokens, patches and a register token; a linear layer scores the class tokens.

    Args:
        model: gives sizes and weights; it must have a linear token head and no patch head.
        explicit: compute attention explicitly and keep that of every layer.
    """

    def __init__(self, model: ClassTokenViT, explicit: bool = False) -> None:
        super().__init__()
        dim, self.classes = model.pos_embed.shape[-1], model.num_class_tokens
        self.patch = nn.Conv2d(
            model.architecture.in_channels, dim, model.patch_size, model.patch_size
        )
        self.first = nn.Parameter(torch.zeros(1, self.classes, dim))
        self.last = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = nn.Parameter(torch.zeros_like(model.pos_embed))
        self.blocks = nn.ModuleList(
            BareBlock(dim, heads, model.architecture.norm_eps, explicit)
            for heads in model.num_heads
        )
        self.score = nn.Linear(self.classes * dim, model.num_classes)
        own, theirs = self.state_dict(), model.state_dict()
        names = {
            "patch": "patch_embed.proj",
            "first": "cls_token",
            "last": "register_token",
            "positions": "pos_embed",
            "score": "classifier",
            "qkv": "attn.qkv",
            "proj": "attn.proj",
            "fc1": "mlp.fc1",
            "fc2": "mlp.fc2",
        }
        for name, value in own.items():
            value.copy_(theirs[".".join(names.get(part, part) for part in name.split("."))])

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores ``[B, C]`` and the attention of every layer, if explicit."""
        patches = self.patch(images).flatten(2).transpose(1, 2)
        first, last = (part.expand(len(images), -1, -1) for part in (self.first, self.last))
        x = torch.cat([first, patches, last], dim=1) + self.positions
        kept = []
        for block in self.blocks:
            x, attention = block(x)
            if attention is not None:
                kept.append(attention)
        return self.score(x[:, : self.classes].flatten(1)), kept


def explicit_maps(model: BareViT, images: Tensor) -> tuple[Tensor, Tensor]:
    """Scores, and class attention ``[B, C, N]``, averaged over heads and summed over layers."""
    scores, kept = model(images)
    every = torch.stack(kept)  # all layers in one tensor, as in the reference implementations
    return scores, every.mean(dim=2).sum(dim=0)[:, : model.classes, model.classes : -1]

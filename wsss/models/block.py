"""One transformer block: pre-norm attention and MLP, with timm's parameter names."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head self-attention whose full attention matrix is never built.

    The number of heads is free of the width, so that closed heads can be taken out. A layer may
    lose all its heads; then only the bias of ``proj`` is left of it.

    Args:
        dim: token width.
        num_heads: heads, at least 0.
        head_dim: width of one head.
        qkv_bias: give the query, key and value projections a bias.
    """

    def __init__(self, dim: int, num_heads: int, head_dim: int, qkv_bias: bool) -> None:
        super().__init__()
        self.num_heads, self.head_dim = num_heads, head_dim
        inner = num_heads * head_dim
        self.qkv = _linear(dim, 3 * inner, bias=qkv_bias)
        self.proj = _linear(inner, dim, bias=True)

    def forward(
        self,
        x: Tensor,
        queries: int | None = None,
        maps: int = 0,
        gate: Tensor | None = None,
        keys: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            x: normalised tokens ``[B, T, D]``.
            queries: compute the output of the first so many tokens only; ``None`` for all.
            maps: also return the attention rows of the first so many tokens; 0 for none.
            gate: ``[heads]``, factor on each head's output.
            keys: ``[B, T]`` boolean, False for tokens that no token may attend to.
            weights: ``[heads]`` of sum 1, for the mean over heads; equal if not given.

        Returns:
            output ``[B, queries or T, D]`` and attention rows ``[B, maps, T]``, the mean over
            heads of ``softmax(q k^T / sqrt(head_dim))``, or ``None``.
        """
        q, k, v = self._project(x, queries)
        if self.num_heads == 0:
            rows = x.new_zeros(x.shape[0], maps, x.shape[1]) if maps else None
            return self.proj(q.flatten(2)), rows
        q, k, v = (rearrange(part, "b t h d -> b h t d") for part in (q, k, v))
        mask = None if keys is None else keys[:, None, None]  # the same for all heads and queries
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        if gate is not None:
            out = out * gate.view(1, -1, 1, 1).to(out.dtype)
        rows = self._mean_rows(q[:, :, :maps], k, mask, weights) if maps else None
        return self.proj(rearrange(out, "b h t d -> b t (h d)")), rows

    def row_pieces(
        self, x: Tensor, rows: int, elements: int, weights: Tensor | None = None
    ) -> Iterator[Tensor]:
        """Attention rows of the first tokens, a few at a time; there must be a head.

        Args:
            x: normalised tokens ``[B, T, D]``.
            rows: how many tokens.
            elements: numbers that a piece may have, over the batch and all heads; a piece has at
                least one row.
            weights: as in `forward`.

        Yields:
            ``[B, some, T]``, the rows in order.
        """
        q, k, _ = (rearrange(part, "b t h d -> b h t d") for part in self._project(x, rows))
        size = max(1, elements // (x.shape[0] * self.num_heads * x.shape[1]))
        for some in torch.split(q, size, dim=2):
            yield self._mean_rows(some, k, None, weights)

    def head_rows(self, x: Tensor, rows: int) -> Tensor:
        """Attention rows of the first tokens in each head, ``[B, heads, rows, T]``."""
        q, k, _ = (rearrange(part, "b t h d -> b h t d") for part in self._project(x, rows))
        return self._rows(q, k, None)

    def _mean_rows(
        self, q: Tensor, k: Tensor, mask: Tensor | None, weights: Tensor | None
    ) -> Tensor:
        """Attention of some queries ``[B, some, T]``, averaged over heads."""
        attention = self._rows(q, k, mask)
        rows: Tensor
        if weights is None:
            rows = attention.mean(dim=1)
        else:
            rows = torch.einsum("bhqk,h->bqk", attention, weights)
        return rows

    def _rows(self, q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
        """Attention of some queries ``[B, heads, some, T]``."""
        scores = q @ k.transpose(-2, -1) * self.head_dim**-0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        attention: Tensor = scores.float().softmax(dim=-1)
        return attention

    def _project(self, x: Tensor, queries: int | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each ``[B, tokens, heads, head_dim]``."""
        inner = self.num_heads * self.head_dim
        if queries is None:
            parts = self.qkv(x).chunk(3, dim=-1)
        else:
            bias = self.qkv.bias
            q_bias, kv_bias = (None, None) if bias is None else (bias[:inner], bias[inner:])
            q = F.linear(x[:, :queries], self.qkv.weight[:inner], q_bias)
            parts = (q, *F.linear(x, self.qkv.weight[inner:], kv_bias).chunk(2, dim=-1))
        q, k, v = (part.unflatten(-1, (self.num_heads, self.head_dim)) for part in parts)
        return q, k, v


class Mlp(nn.Module):
    """Two linear layers with the exact GELU between them."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., D]`` to ``[..., D]``."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    """Pre-norm transformer block (Dosovitskiy et al., ICLR 2021)."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        head_dim: int,
        mlp_ratio: float,
        qkv_bias: bool,
        norm_eps: float,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=norm_eps)
        self.attn = Attention(dim, num_heads, head_dim, qkv_bias)
        self.norm2 = nn.LayerNorm(dim, eps=norm_eps)
        self.mlp = Mlp(dim, round(dim * mlp_ratio))

    def forward(
        self,
        x: Tensor,
        queries: int | None = None,
        maps: int = 0,
        gate: Tensor | None = None,
        keys: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Tokens ``[B, T, D]`` to ``[B, queries or T, D]`` and attention rows, see `Attention`."""
        attended, rows = self.attn(self.norm1(x), queries, maps, gate, keys, weights)
        x = x[:, :queries] + attended
        return x + self.mlp(self.norm2(x)), rows


def _linear(inputs: int, outputs: int, bias: bool) -> nn.Linear:
    """A linear layer that may have no inputs or outputs, without PyTorch's warning about it."""
    layer = nn.Linear(max(inputs, 1), max(outputs, 1), bias=bias)
    if inputs == 0 or outputs == 0:
        layer.in_features, layer.out_features = inputs, outputs
        layer.weight = nn.Parameter(torch.empty(outputs, inputs))
        if bias:
            layer.bias = nn.Parameter(torch.zeros(outputs))
    return layer

"""One transformer block: pre-norm attention and MLP, with timm's parameter names."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from wsss.models.architecture import Architecture


class Attention(nn.Module):
    """Multi-head self-attention that never builds the full attention matrix.

    The number of heads does not depend on the width, so that closed heads can be removed. Without
    any head the layer adds the bias of ``proj`` alone.

    Args:
        architecture: of the network.
        num_heads: number of heads of this block, at least 0.
    """

    def __init__(self, architecture: Architecture, num_heads: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim = num_heads, architecture.head_dim
        inner = num_heads * self.head_dim
        self.qkv = _linear(architecture.embed_dim, 3 * inner, bias=architecture.qkv_bias)
        self.proj = _linear(inner, architecture.embed_dim, bias=True)

    def forward(
        self,
        x: Tensor,
        *,
        num_queries: int | None = None,
        num_rows: int = 0,
        gate: Tensor | None = None,
        keys: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            x: normalised tokens ``[B, T, D]``.
            num_queries: number of leading tokens whose output is computed; ``None`` for all
                tokens.
            num_rows: number of leading tokens whose attention is also returned; at most the
                number of queries.
            gate: ``[heads]``, factor on each head's output.
            keys: ``[B, T]`` boolean, False for tokens that no token may attend to.
            weights: ``[heads]``, weights of the mean over heads, with sum 1; equal by default.

        Returns:
            output ``[B, num_queries or T, D]`` and attention rows ``[B, num_rows, T]``, the mean
            over heads of ``softmax(q k^T / sqrt(head_dim))``; ``None`` for no rows.
        """
        q, k, v = self._project(x, num_queries)
        if self.num_heads == 0:
            rows = x.new_zeros(x.shape[0], num_rows, x.shape[1]) if num_rows else None
            return self.proj(q.flatten(2)), rows
        q, k, v = (rearrange(part, "b t h d -> b h t d") for part in (q, k, v))
        mask = None if keys is None else keys[:, None, None]  # the same for all heads and queries
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        if gate is not None:
            out = out * gate.view(1, -1, 1, 1).to(out.dtype)
        rows = self._mean_rows(q[:, :, :num_rows], k, mask, weights) if num_rows else None
        return self.proj(rearrange(out, "b h t d -> b t (h d)")), rows

    def row_pieces(
        self, x: Tensor, num_rows: int, elements: int, weights: Tensor | None = None
    ) -> Iterator[Tensor]:
        """Attention rows of the first tokens in pieces; the layer must have a head.

        Args:
            x: normalised tokens ``[B, T, D]``.
            num_rows: number of leading tokens.
            elements: maximum number of attention weights in a piece, over the batch and all heads;
                a piece has at least one row.
            weights: as in `forward`.

        Yields:
            ``[B, rows, T]``, in order.
        """
        q, k, _ = (rearrange(part, "b t h d -> b h t d") for part in self._project(x, num_rows))
        size = max(1, elements // (x.shape[0] * self.num_heads * x.shape[1]))
        for some in torch.split(q, size, dim=2):
            yield self._mean_rows(some, k, None, weights)

    def head_rows(self, x: Tensor, num_rows: int) -> Tensor:
        """Attention rows of the first tokens in each head, ``[B, heads, num_rows, T]``."""
        q, k, _ = (rearrange(part, "b t h d -> b h t d") for part in self._project(x, num_rows))
        return self._rows(q, k, None)

    def _mean_rows(
        self, q: Tensor, k: Tensor, mask: Tensor | None, weights: Tensor | None
    ) -> Tensor:
        """Mean over heads ``[B, rows, T]`` of the attention rows of ``q [B, heads, rows, d]``."""
        attention = self._rows(q, k, mask)
        rows: Tensor
        if weights is None:
            rows = attention.mean(dim=1)
        else:
            rows = torch.einsum("bhqk,h->bqk", attention, weights)
        return rows

    def _rows(self, q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
        """Attention rows ``[B, heads, rows, T]`` of ``q [B, heads, rows, d]``."""
        scores = q @ k.transpose(-2, -1) * self.head_dim**-0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        attention: Tensor = scores.float().softmax(dim=-1)
        return attention

    def _project(self, x: Tensor, num_queries: int | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries ``[B, num_queries or T, heads, d]``, keys and values ``[B, T, heads, d]``."""
        inner = self.num_heads * self.head_dim
        if num_queries is None:
            parts = self.qkv(x).chunk(3, dim=-1)
        else:
            bias = self.qkv.bias
            q_bias, kv_bias = (None, None) if bias is None else (bias[:inner], bias[inner:])
            q = F.linear(x[:, :num_queries], self.qkv.weight[:inner], q_bias)
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

    def __init__(self, architecture: Architecture, num_heads: int) -> None:
        super().__init__()
        dim, eps = architecture.embed_dim, architecture.norm_eps
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = Attention(architecture, num_heads)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = Mlp(dim, round(dim * architecture.mlp_ratio))

    def forward(
        self,
        x: Tensor,
        *,
        num_queries: int | None = None,
        num_rows: int = 0,
        gate: Tensor | None = None,
        keys: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Tokens ``[B, num_queries or T, D]`` and attention rows; see `Attention.forward`."""
        attended, rows = self.attn(
            self.norm1(x),
            num_queries=num_queries,
            num_rows=num_rows,
            gate=gate,
            keys=keys,
            weights=weights,
        )
        x = x[:, :num_queries] + attended
        return x + self.mlp(self.norm2(x)), rows


def _linear(inputs: int, outputs: int, *, bias: bool) -> nn.Linear:
    """A linear layer that may have 0 inputs or outputs, without PyTorch's warning."""
    layer = nn.Linear(max(inputs, 1), max(outputs, 1), bias=bias)
    if inputs == 0 or outputs == 0:
        layer.in_features, layer.out_features = inputs, outputs
        layer.weight = nn.Parameter(torch.empty(outputs, inputs))
        if bias:
            layer.bias = nn.Parameter(torch.zeros(outputs))
    return layer

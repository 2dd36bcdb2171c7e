"""The class-token vision transformer: one [CLS] token per class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, overload

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from wsss.checks import check_choice
from wsss.masking import PLACES
from wsss.models.block import Block
from wsss.models.gates import HeadGates
from wsss.models.patches import PatchEmbed, Size, grid_of, pair


class AttentionOutput(NamedTuple):
    """What the model returns when maps are asked for."""

    logits: Tensor
    """``[B, C]``, before sigmoid or softmax."""
    class_attention: Tensor
    """``[B, layers, C, h, w]``: class-to-patch attention, mean over heads, float32 in [0, 1]."""


class ClassTokenViT(nn.Module):
    """ViT with one class token per class and one register token.

    "Know Your Attention Maps: Class-specific Token Masking for WSSS" (ICCV 2025), after MCTformer
    (Xu et al., CVPR 2022). Tokens are ordered class | patch | register. The class tokens of the
    last block are concatenated and one linear layer turns them into class scores; there is no
    final norm. Parameter names of the encoder are timm's.

    Args:
        image_size: pixels, one number or (height, width); a multiple of ``patch_size``. Other
            sizes may be given to `forward`, position embeddings are then interpolated.
        patch_size: pixels, one number or (height, width).
        in_channels: bands of the image.
        num_classes: classes, and so class tokens.
        embed_dim: token width ``D``.
        depth: blocks.
        num_heads: heads of every block, or one number per block for a pruned model.
        head_dim: width of one head; ``embed_dim / num_heads`` if not given.
        mlp_ratio: hidden width of the MLP over ``embed_dim``.
        qkv_bias: bias in the query, key and value projections.
        norm_eps: epsilon of the layer norms.
        generator: draws the initial weights; PyTorch's own if not given.

    Raises:
        ValueError: sizes that do not fit together.
    """

    def __init__(
        self,
        *,
        image_size: Size,
        patch_size: Size,
        in_channels: int,
        num_classes: int,
        embed_dim: int,
        depth: int,
        num_heads: int | Sequence[int],
        head_dim: int | None = None,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = False,
        norm_eps: float = 1e-5,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        heads = (num_heads,) * depth if isinstance(num_heads, int) else tuple(num_heads)
        if len(heads) != depth:
            raise ValueError(f"num_heads gives {len(heads)} layers, depth is {depth}")
        if head_dim is None:
            head_dim, rest = divmod(embed_dim, heads[0])
            if rest:
                raise ValueError(f"embed_dim {embed_dim} is no multiple of num_heads {heads[0]}")
        self.patch_size = pair(patch_size)
        self.grid = grid_of(pair(image_size), self.patch_size)
        self.num_classes, self.num_heads, self.head_dim = num_classes, heads, head_dim
        self.mlp_ratio, self.qkv_bias, self.norm_eps = mlp_ratio, qkv_bias, norm_eps

        self.cls_token = nn.Parameter(torch.zeros(1, num_classes, embed_dim))
        self.register_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        tokens = num_classes + self.grid[0] * self.grid[1] + 1
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, embed_dim))
        self.patch_embed = PatchEmbed(in_channels, embed_dim, self.patch_size)
        self.blocks = nn.ModuleList(
            Block(embed_dim, h, head_dim, mlp_ratio, qkv_bias, norm_eps) for h in heads
        )
        self.classifier = nn.Linear(num_classes * embed_dim, num_classes)
        self.gates: HeadGates | None = None
        self._initialise(generator)

    @overload
    def forward(
        self,
        x: Tensor,
        *,
        token_keep: Tensor | None = ...,
        place: str = ...,
        gates: Tensor | None = ...,
    ) -> Tensor: ...

    @overload
    def forward(
        self,
        x: Tensor,
        *,
        return_attention: Literal[True],
        token_keep: Tensor | None = ...,
        place: str = ...,
        gates: Tensor | None = ...,
        head_weights: Sequence[Tensor] | None = ...,
    ) -> AttentionOutput: ...

    def forward(
        self,
        x: Tensor,
        *,
        return_attention: bool = False,
        token_keep: Tensor | None = None,
        place: str = "output",
        gates: Tensor | None = None,
        head_weights: Sequence[Tensor] | None = None,
    ) -> Tensor | AttentionOutput:
        """Class scores, and class-attention maps where asked for.

        Args:
            x: images ``[B, bands, H, W]``, standardised.
            return_attention: also return the class-attention maps of every layer.
            token_keep: ``[B, C]`` of 0 and 1, the class tokens that are not hidden (class-token
                masking, see `wsss.masking`).
            place: where a hidden token is hidden: ``output``, ``input`` or ``attention``; in the
                last case its maps are 0 too.
            gates: ``[layers, heads]``, factor on each head's output; by default the hard gates of
                ``self.gates`` where the model has any.
            head_weights: per layer ``[heads]`` of sum 1, for the mean over heads that maps are;
                equal if not given.

        Returns:
            logits ``[B, C]``, or an `AttentionOutput`.

        Raises:
            ValueError: an unknown place, or an image size that is no multiple of the patch size.
        """
        tokens, maps = self.class_tokens(
            x,
            return_attention=return_attention,
            token_keep=token_keep,
            place=place,
            gates=gates,
            head_weights=head_weights,
        )
        logits = self.classifier(tokens.flatten(1))
        return logits if maps is None else AttentionOutput(logits, maps)

    def class_tokens(
        self,
        x: Tensor,
        *,
        return_attention: bool = False,
        token_keep: Tensor | None = None,
        place: str = "output",
        gates: Tensor | None = None,
        head_weights: Sequence[Tensor] | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Class tokens of the last block ``[B, C, D]`` and class attention, see `forward`."""
        check_choice("place", place, PLACES)
        if gates is None and self.gates is not None:
            gates = self.gates.hard()
        classes = self.num_classes
        keep = None if token_keep is None else token_keep.unsqueeze(-1)
        tokens, grid = self._embed(x, keep if place == "input" else None)
        keys = None
        if keep is not None and place == "attention":
            others = keep.new_ones(len(x), tokens.shape[1] - classes)
            keys = torch.cat([keep.squeeze(-1), others], dim=1).bool()
        rows: list[Tensor] = []
        last = len(self.blocks) - 1
        for index, block in enumerate(self.blocks):
            tokens, attention = block(
                tokens,
                queries=classes if index == last else None,  # only class tokens are read there
                maps=classes if return_attention else 0,
                gate=None if gates is None else gates[index],
                keys=keys,
                weights=None if head_weights is None else head_weights[index],
            )
            if attention is not None:
                rows.append(attention[:, :, classes:-1])
        if keep is not None and place != "input":
            tokens = tokens * keep.to(tokens.dtype)
        if not rows:
            return tokens, None
        maps = torch.stack(rows, dim=1)
        if keep is not None and place == "attention":
            maps = maps * keep.unsqueeze(-3).to(maps.dtype)
        return tokens, rearrange(maps, "b l c (h w) -> b l c h w", h=grid[0])

    def _embed(self, x: Tensor, keep: Tensor | None) -> tuple[Tensor, tuple[int, int]]:
        """Tokens ``[B, C + h * w + 1, D]`` with positions added, and the grid ``(h, w)``.

        ``keep [B, C, 1]`` is a factor on the class tokens, ``None`` for 1.
        """
        height, width = x.shape[-2:]
        grid = grid_of((height, width), self.patch_size)
        patches = self.patch_embed(x)
        batch = x.shape[0]
        tokens = torch.cat(
            [
                self.cls_token.expand(batch, -1, -1),
                patches,
                self.register_token.expand(batch, -1, -1),
            ],
            dim=1,
        )
        tokens = tokens + self._positions(grid)
        if keep is not None:
            classes = tokens[:, : self.num_classes] * keep.to(tokens.dtype)
            tokens = torch.cat([classes, tokens[:, self.num_classes :]], dim=1)
        return tokens, grid

    def _positions(self, grid: tuple[int, int]) -> Tensor:
        """Position embeddings for a grid of patches, bicubic where it is not the model's own."""
        if grid == self.grid:
            return self.pos_embed
        patches = self.pos_embed[:, self.num_classes : -1]
        patches = rearrange(patches, "b (h w) d -> b d h w", h=self.grid[0])
        patches = F.interpolate(patches, size=grid, mode="bicubic", align_corners=False)
        patches = rearrange(patches, "b d h w -> b (h w) d")
        return torch.cat(
            [self.pos_embed[:, : self.num_classes], patches, self.pos_embed[:, -1:]], dim=1
        )

    def _initialise(self, generator: torch.Generator | None) -> None:
        """Truncated normal of 0.02 for weights and embeddings, zero for biases, as in DeiT."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif "norm" not in name and parameter.numel() > 0:
                nn.init.trunc_normal_(parameter, std=0.02, generator=generator)

"""The class-token vision transformer: one [CLS] token per class, or one for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from wsss.checks import check_choice
from wsss.models.block import Block
from wsss.models.block_runner import BlockRunner, run_block
from wsss.models.gates import HeadGates
from wsss.models.hidden import PLACES
from wsss.models.outputs import AttentionOutput, Encoded, Scores
from wsss.models.patch_head import POOLINGS, PatchHead
from wsss.models.patches import PatchEmbed, Size, grid_of, pair

CLASS_TOKENS = ("per_class", "shared")
TOKEN_HEADS = ("linear", "mean", "none")


def check_heads(class_tokens: str, token_head: str, patch_head: str) -> None:
    """ValueError where the parts of a `ClassTokenViT` do not go together."""
    check_choice("model.class_tokens", class_tokens, CLASS_TOKENS)
    check_choice("model.token_head", token_head, TOKEN_HEADS)
    check_choice("model.patch_head", patch_head, ("none", *POOLINGS))
    if token_head == "none" and patch_head == "none":
        raise ValueError("model.token_head and model.patch_head are both none: no class scores")
    if token_head == "mean" and class_tokens == "shared":
        raise ValueError("model.token_head=mean needs model.class_tokens=per_class")


class ClassTokenViT(nn.Module):
    """ViT with one class token per class, or one for all classes.

    As it is by default, from "Know Your Attention Maps: Class-specific Token Masking for WSSS"
    (ICCV 2025): the class tokens of the last block are concatenated and one linear layer turns
    them into class scores, and one register token goes along. With ``token_head="mean"`` a class's
    score is the mean of its token's channels, as in MCTformer (Xu et al., CVPR 2022), whose
    version 2 and successor have a `PatchHead` besides; with a shared token and a linear head it is
    a plain ViT. Tokens are ordered class | patch | register; there is no final norm. Parameter
    names of the encoder are timm's.

    Args:
        image_size: pixels, one number or (height, width); a multiple of ``patch_size``. Other
            sizes may be given to `forward`, position embeddings are then interpolated.
        patch_size: pixels, one number or (height, width).
        in_channels: bands of the image.
        num_classes: classes.
        embed_dim: token width ``D``.
        depth: blocks.
        num_heads: heads of every block, or one number per block for a pruned model.
        head_dim: width of one head; ``embed_dim / num_heads`` if not given.
        mlp_ratio: hidden width of the MLP over ``embed_dim``.
        qkv_bias: bias in the query, key and value projections.
        norm_eps: epsilon of the layer norms.
        class_tokens: ``per_class``, or ``shared`` for one token.
        register_token: whether there is one.
        token_head: how class tokens become scores: ``linear``, ``mean`` or, where the patch head
            alone decides, ``none``.
        patch_head: pooling of a `PatchHead`, or ``none``.
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
        class_tokens: str = "per_class",
        register_token: bool = True,
        token_head: str = "linear",
        patch_head: str = "none",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_heads(class_tokens, token_head, patch_head)
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

        self.token_head = token_head
        self.num_tokens = num_classes if class_tokens == "per_class" else 1

        self.cls_token = nn.Parameter(torch.zeros(1, self.num_tokens, embed_dim))
        self.register_token: nn.Parameter | None = None
        if register_token:
            self.register_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        tokens = self.num_tokens + self.grid[0] * self.grid[1] + register_token
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, embed_dim))
        self.patch_embed = PatchEmbed(in_channels, embed_dim, self.patch_size)
        self.blocks = nn.ModuleList(
            Block(embed_dim, h, head_dim, mlp_ratio, qkv_bias, norm_eps) for h in heads
        )
        self.classifier: nn.Linear | None = None
        if token_head == "linear":
            self.classifier = nn.Linear(self.num_tokens * embed_dim, num_classes)
        self.patch_head: PatchHead | None = None
        if patch_head != "none":
            self.patch_head = PatchHead(embed_dim, num_classes, patch_head)
        self.gates: HeadGates | None = None
        self.train_block: BlockRunner = run_block
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
                masking, see `wsss.training.masking`).
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
        scores = self.score(
            x,
            return_attention=return_attention,
            token_keep=token_keep,
            place=place,
            gates=gates,
            head_weights=head_weights,
        )
        maps = scores.encoded.class_attention
        return scores.logits if maps is None else AttentionOutput(scores.logits, maps)

    def score(
        self,
        x: Tensor,
        *,
        return_attention: bool = False,
        token_keep: Tensor | None = None,
        place: str = "output",
        gates: Tensor | None = None,
        head_weights: Sequence[Tensor] | None = None,
    ) -> Scores:
        """Class scores by origin and all that losses and maps may want; see `forward`."""
        encoded = self.encode(
            x,
            return_attention=return_attention,
            token_keep=token_keep,
            place=place,
            gates=gates,
            head_weights=head_weights,
        )
        tokens = encoded.layer_tokens[-1]
        token_logits = patch_logits = patch_scores = None
        if self.classifier is not None:
            token_logits = self.classifier(tokens.flatten(1))
        elif self.token_head == "mean":
            token_logits = tokens.mean(dim=-1)
        if self.patch_head is not None:
            assert encoded.patches is not None
            patch_scores = self.patch_head(encoded.patches)
            patch_logits = self.patch_head.pool(patch_scores)
        parts = [part for part in (token_logits, patch_logits) if part is not None]
        logits = parts[0] if len(parts) == 1 else torch.stack(parts).mean(dim=0)
        return Scores(logits, token_logits, patch_logits, patch_scores, encoded)

    def encode(
        self,
        x: Tensor,
        *,
        return_attention: bool = False,
        token_keep: Tensor | None = None,
        place: str = "output",
        gates: Tensor | None = None,
        head_weights: Sequence[Tensor] | None = None,
    ) -> Encoded:
        """Tokens and class attention before any head, see `forward`."""
        check_choice("place", place, PLACES)
        if gates is None and self.gates is not None:
            gates = self.gates.hard()
        classes = self.num_tokens
        keep = None if token_keep is None else token_keep.unsqueeze(-1)
        tokens, grid = self._embed(x, keep if place == "input" else None)
        patches = slice(classes, classes + grid[0] * grid[1])
        keys = None
        if keep is not None and place == "attention":
            others = keep.new_ones(len(x), tokens.shape[1] - classes)
            keys = torch.cat([keep.squeeze(-1), others], dim=1).bool()
        rows: list[Tensor] = []
        layer_tokens: list[Tensor] = []
        last = len(self.blocks) - 1
        run = self.train_block if self.training else run_block
        for index, block in enumerate(self.blocks):
            only_classes = index == last and self.patch_head is None  # nothing else is read there
            tokens, attention = run(
                block,
                tokens,
                queries=classes if only_classes else None,
                maps=classes if return_attention else 0,
                gate=None if gates is None else gates[index],
                keys=keys,
                weights=None if head_weights is None else head_weights[index],
            )
            layer_tokens.append(tokens[:, :classes].clone())  # a view would keep all of them
            if attention is not None:
                rows.append(attention[:, :, patches])
        if keep is not None and place != "input":
            layer_tokens[-1] = layer_tokens[-1] * keep.to(tokens.dtype)
        as_image = None
        if self.patch_head is not None:
            as_image = rearrange(tokens[:, patches], "b (h w) d -> b d h w", h=grid[0])
        if not rows:
            return Encoded(layer_tokens, as_image, None)
        maps = torch.stack(rows, dim=1)
        if keep is not None and place == "attention":
            maps = maps * keep.unsqueeze(-3).to(maps.dtype)
        maps = rearrange(maps, "b l c (h w) -> b l c h w", h=grid[0])
        return Encoded(layer_tokens, as_image, maps)

    def _embed(self, x: Tensor, keep: Tensor | None) -> tuple[Tensor, tuple[int, int]]:
        """All tokens ``[B, tokens, D]`` with positions added, and the grid ``(h, w)``.

        ``keep [B, T, 1]`` is a factor on the class tokens, ``None`` for 1.
        """
        height, width = x.shape[-2:]
        grid = grid_of((height, width), self.patch_size)
        patches = self.patch_embed(x)
        batch = x.shape[0]
        parts = [self.cls_token.expand(batch, -1, -1), patches]
        if self.register_token is not None:
            parts.append(self.register_token.expand(batch, -1, -1))
        tokens = torch.cat(parts, dim=1) + self._positions(grid)
        if keep is not None:
            classes = tokens[:, : self.num_tokens] * keep.to(tokens.dtype)
            tokens = torch.cat([classes, tokens[:, self.num_tokens :]], dim=1)
        return tokens, grid

    def _positions(self, grid: tuple[int, int]) -> Tensor:
        """Position embeddings for a grid of patches, bicubic where it is not the model's own."""
        if grid == self.grid:
            return self.pos_embed
        after = self.num_tokens + self.grid[0] * self.grid[1]
        patches = self.pos_embed[:, self.num_tokens : after]
        patches = rearrange(patches, "b (h w) d -> b d h w", h=self.grid[0])
        patches = F.interpolate(patches, size=grid, mode="bicubic", align_corners=False)
        patches = rearrange(patches, "b d h w -> b (h w) d")
        return torch.cat(
            [self.pos_embed[:, : self.num_tokens], patches, self.pos_embed[:, after:]], dim=1
        )

    def _initialise(self, generator: torch.Generator | None) -> None:
        """Truncated normal of 0.02 for weights and embeddings, zero for biases, as in DeiT."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif "norm" not in name and parameter.numel() > 0:
                nn.init.trunc_normal_(parameter, std=0.02, generator=generator)

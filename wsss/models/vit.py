"""The class-token vision transformer: one [CLS] token per class, or one for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import torch
from einops import rearrange
from torch import Tensor, nn

from wsss.models.architecture import Architecture
from wsss.models.block import Block
from wsss.models.block_runner import BlockRunner, run_block
from wsss.models.encoder import build_encoder
from wsss.models.gates import HeadGates
from wsss.models.hidden import HiddenTokens
from wsss.models.initial_weights import initialise
from wsss.models.labeller import Labeller
from wsss.models.outputs import AttentionOutput, Encoded, Scores
from wsss.models.patch_head import PatchHead
from wsss.models.patches import grid_of
from wsss.models.positions import resize_positions


class ClassTokenViT(nn.Module):
    """ViT with one class token per class, or one for all classes.

    By default the network of "Know Your Attention Maps: Class-specific Token Masking for WSSS"
    (ICCV 2025): the class tokens of the last block are concatenated, one linear layer turns them
    into class scores, and there is one register token. With ``token_head="mean"`` a class's score
    is the mean of its token's channels, as in MCTformer (Xu et al., CVPR 2022), whose version 2
    and successor also have a `PatchHead`. With a shared token and a linear head it is a plain ViT.
    Tokens are ordered class | patch | register; there is a final norm only with ``final_norm``,
    after the last block.
    Parameter names of the encoder are timm's. With ``architecture.encoder`` patch tokens come from
    a `LibraryEncoder` or of `LocalStatistics`, and class tokens join them for the blocks that
    follow.

    Args:
        architecture: what to build; by default it is made from ``settings``.
        generator: draws the initial weights; PyTorch's default generator if not given.
        **settings: arguments of `Architecture.of`, in place of ``architecture``.

    Raises:
        ValueError: sizes that do not fit together.
    """

    def __init__(
        self,
        architecture: Architecture | None = None,
        *,
        generator: torch.Generator | None = None,
        **settings: Any,
    ) -> None:
        super().__init__()
        if architecture is None:
            architecture = Architecture.of(**settings)
        elif settings:
            raise TypeError("give an architecture or its settings, not both")
        self.architecture = architecture
        self.num_classes, self.num_class_tokens = (
            architecture.num_classes,
            architecture.num_class_tokens,
        )
        self.num_heads, self.patch_size = architecture.num_heads, architecture.patch_size
        width, (height_p, width_p) = architecture.embed_dim, architecture.grid

        self.cls_token = nn.Parameter(torch.zeros(1, self.num_class_tokens, width))
        self.register_token: nn.Parameter | None = None
        if architecture.register_token:
            self.register_token = nn.Parameter(torch.zeros(1, 1, width))
        tokens = self.num_class_tokens + height_p * width_p + architecture.register_token
        self.patch_embed = build_encoder(architecture)
        if architecture.encoder is not None:
            tokens = 0  # it adds positions itself
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, width), requires_grad=tokens > 0)
        self.blocks = nn.ModuleList(Block(architecture, heads) for heads in self.num_heads)
        self.norm: nn.LayerNorm | None = None
        if architecture.final_norm and architecture.depth:
            self.norm = nn.LayerNorm(width, eps=architecture.norm_eps)
        self.classifier: nn.Linear | None = None
        if architecture.token_head == "linear":
            self.classifier = nn.Linear(self.num_class_tokens * width, self.num_classes)
        self.patch_head: PatchHead | None = None
        if architecture.patch_head != "none":
            self.patch_head = PatchHead(
                width, self.num_classes, architecture.patch_head, architecture.patch_members
            )
        self.labeller: Labeller | None = None
        if architecture.labeller:
            self.labeller = Labeller(width, self.num_classes)
        self.gates: HeadGates | None = None
        self.train_block: BlockRunner = run_block
        own = self.named_parameters()
        if architecture.encoder is not None:  # its weights are read from a file
            own = (part for part in own if not part[0].startswith("patch_embed."))
        initialise(own, generator)
        if not self.blocks:
            for token in (self.cls_token, self.register_token):
                if token is not None:
                    token.requires_grad_(False)  # no score depends on it

    @overload
    def forward(
        self,
        x: Tensor,
        *,
        hidden: HiddenTokens | None = ...,
        gates: Tensor | None = ...,
    ) -> Tensor: ...

    @overload
    def forward(
        self,
        x: Tensor,
        *,
        return_attention: Literal[True],
        hidden: HiddenTokens | None = ...,
        gates: Tensor | None = ...,
        head_weights: Sequence[Tensor] | None = ...,
    ) -> AttentionOutput: ...

    def forward(
        self,
        x: Tensor,
        *,
        return_attention: bool = False,
        hidden: HiddenTokens | None = None,
        gates: Tensor | None = None,
        head_weights: Sequence[Tensor] | None = None,
    ) -> Tensor | AttentionOutput:
        """Class scores and, on request, class-attention maps.

        Args:
            x: images ``[B, bands, H, W]``, standardised. At other sizes than the architecture's
                ``image_size``, position embeddings are interpolated.
            return_attention: also return the class-attention maps of every layer.
            hidden: class tokens to hide, and where; none by default.
            gates: ``[L, heads]``, factor on each head's output; by default the hard gates of
                ``self.gates``, if the model has gates.
            head_weights: per layer ``[heads]``, weights of the mean over heads in maps, with sum 1;
                equal by default.

        Returns:
            logits ``[B, C]``, or an `AttentionOutput`.

        Raises:
            ValueError: an image size that is not a multiple of the patch size.
        """
        scores = self.score(
            x,
            return_attention=return_attention,
            hidden=hidden,
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
        hidden: HiddenTokens | None = None,
        gates: Tensor | None = None,
        head_weights: Sequence[Tensor] | None = None,
    ) -> Scores:
        """Class scores of each head, and all that losses and maps need; see `forward`."""
        encoded = self.encode(
            x,
            return_attention=return_attention,
            hidden=hidden,
            gates=gates,
            head_weights=head_weights,
        )
        tokens = encoded.layer_tokens[-1]
        token_logits = patch_logits = patch_scores = member_logits = None
        if self.classifier is not None:
            token_logits = self.classifier(tokens.flatten(1))
        elif self.architecture.token_head == "mean":
            token_logits = tokens.mean(dim=-1)
        if self.patch_head is not None:
            assert encoded.patches is not None
            of_members = self.patch_head(encoded.patches)
            competing = None if hidden is None else hidden.competing()
            member_logits = self.patch_head.pool(of_members, competing)
            patch_logits, patch_scores = member_logits.mean(dim=1), of_members.mean(dim=1)
        parts = [part for part in (token_logits, patch_logits) if part is not None]
        logits = parts[0] if len(parts) == 1 else torch.stack(parts).mean(dim=0)
        return Scores(logits, token_logits, patch_logits, patch_scores, encoded, member_logits)

    def encode(
        self,
        x: Tensor,
        *,
        return_attention: bool = False,
        hidden: HiddenTokens | None = None,
        gates: Tensor | None = None,
        head_weights: Sequence[Tensor] | None = None,
    ) -> Encoded:
        """Tokens and class attention, before any head; see `forward`."""
        if gates is None and self.gates is not None:
            gates = self.gates.hard()
        tokens, grid = self._embed(x)
        keys = None
        if hidden is not None:
            tokens, keys = hidden.at_input(tokens), hidden.keys(tokens.shape[1])
        classes = self.num_class_tokens
        patches = slice(classes, classes + grid[0] * grid[1])
        rows: list[Tensor] = []
        layer_tokens = [] if self.blocks else [tokens[:, :classes]]
        last = len(self.blocks) - 1
        run = self.train_block if self.training else run_block
        for index, block in enumerate(self.blocks):
            only_classes = index == last and self.patch_head is None  # heads read no others
            tokens, attention = run(
                block,
                tokens,
                num_queries=classes if only_classes else None,
                num_rows=classes if return_attention else 0,
                gate=None if gates is None else gates[index],
                keys=keys,
                weights=None if head_weights is None else head_weights[index],
            )
            layer_tokens.append(tokens[:, :classes].clone())  # a view would keep all of them
            if attention is not None:
                rows.append(attention[:, :, patches])
        if self.norm is not None:
            tokens = self.norm(tokens)
            layer_tokens[-1] = tokens[:, :classes].clone()
        if hidden is not None:
            layer_tokens[-1] = hidden.at_output(layer_tokens[-1])
        as_image = None
        if self.patch_head is not None:
            as_image = rearrange(tokens[:, patches], "b (h w) d -> b d h w", h=grid[0])
        if not rows:
            return Encoded(layer_tokens, as_image, None)
        maps = torch.stack(rows, dim=1)
        if hidden is not None:
            maps = hidden.in_maps(maps)
        return Encoded(
            layer_tokens, as_image, rearrange(maps, "b l k (h w) -> b l k h w", h=grid[0])
        )

    def _embed(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """All tokens ``[B, T, D]`` with positions added, and the grid ``(h, w)`` of patches."""
        grid = grid_of((x.shape[-2], x.shape[-1]), self.patch_size)
        parts = [self.cls_token.expand(len(x), -1, -1), self.patch_embed(x)]
        if self.register_token is not None:
            parts.append(self.register_token.expand(len(x), -1, -1))
        tokens = torch.cat(parts, dim=1)
        return tokens if self.architecture.encoder else tokens + self._positions(grid), grid

    def _positions(self, grid: tuple[int, int]) -> Tensor:
        """Position embeddings ``[1, T, D]`` for a grid of patches."""
        own = self.architecture.grid
        if grid == own:
            return self.pos_embed
        counts = [self.num_class_tokens, own[0] * own[1], int(self.register_token is not None)]
        classes, patches, register = torch.split(self.pos_embed, counts, dim=1)
        return torch.cat([classes, resize_positions(patches, own, grid), register], dim=1)

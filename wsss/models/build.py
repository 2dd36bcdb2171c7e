"""Build the classifier from its config."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from wsss.checks import check_least, check_positive
from wsss.errors import UserError
from wsss.models.vit import ClassTokenViT, check_heads


@dataclass(frozen=True)
class ModelConfig:
    """The class-token ViT, see `ClassTokenViT`; bands, classes and image size are the dataset's.

    ``init_from`` names a file or directory with weights of the whole model to start from, see
    `wsss.models.checkpoint.load_weights`; ``pretrained`` one with those of a vision transformer
    for its encoder, see `wsss.models.released.pretrained.load_pretrained`.
    """

    name: str
    patch_size: int
    embed_dim: int
    depth: int
    num_heads: int
    mlp_ratio: float
    qkv_bias: bool
    norm_eps: float
    class_tokens: str
    register_token: bool
    token_head: str
    patch_head: str
    init_from: str | None
    pretrained: str | None

    def __post_init__(self) -> None:
        for key in ("patch_size", "embed_dim", "depth", "num_heads"):
            check_least(f"model.{key}", getattr(self, key), 1)
        check_positive("model.mlp_ratio", self.mlp_ratio)
        check_positive("model.norm_eps", self.norm_eps)
        check_heads(self.class_tokens, self.token_head, self.patch_head)
        if self.init_from is not None and self.pretrained is not None:
            raise ValueError("model.init_from and model.pretrained are both set, choose one")


def build_classifier(
    config: ModelConfig,
    *,
    image_size: int,
    in_channels: int,
    num_classes: int,
    generator: torch.Generator,
) -> ClassTokenViT:
    """A class-token ViT with fresh weights; `UserError` where sizes do not fit together."""
    try:
        return ClassTokenViT(
            image_size=image_size,
            patch_size=config.patch_size,
            in_channels=in_channels,
            num_classes=num_classes,
            embed_dim=config.embed_dim,
            depth=config.depth,
            num_heads=config.num_heads,
            mlp_ratio=config.mlp_ratio,
            qkv_bias=config.qkv_bias,
            norm_eps=config.norm_eps,
            class_tokens=config.class_tokens,
            register_token=config.register_token,
            token_head=config.token_head,
            patch_head=config.patch_head,
            generator=generator,
        )
    except ValueError as error:
        raise UserError(f"model={config.name}: {error}") from error

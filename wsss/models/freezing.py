"""Which weights of a classifier are trained."""

from __future__ import annotations

from torch import nn

from wsss.models.vit import ClassTokenViT


def freeze_encoder(model: ClassTokenViT) -> None:
    """Exclude from training all that a pretrained encoder determines.

    What stays are heads, gates, the register token, and class tokens unless all classes share one;
    and all that comes after a `LibraryEncoder`.
    """
    fixed: list[nn.Module | None] = [model.patch_embed]
    if model.architecture.encoder is None:  # otherwise the blocks come after it
        fixed += [model.blocks, model.norm]
    parameters = [p for part in fixed if part is not None for p in part.parameters()]
    parameters.append(model.pos_embed)
    if model.architecture.encoder is None and model.architecture.class_tokens == "shared":
        parameters.append(model.cls_token)
    for parameter in parameters:
        parameter.requires_grad_(False)

"""Which weights of a classifier are trained."""

from __future__ import annotations

from wsss.models.vit import ClassTokenViT


def freeze_encoder(model: ClassTokenViT) -> None:
    """Exclude from training all that a pretrained encoder determines.

    What stays are heads, gates, the register token, and class tokens unless all classes share one.
    """
    fixed = [model.patch_embed, model.blocks, model.norm]
    parameters = [p for part in fixed if part is not None for p in part.parameters()]
    parameters.append(model.pos_embed)
    if model.architecture.class_tokens == "shared":
        parameters.append(model.cls_token)
    for parameter in parameters:
        parameter.requires_grad_(False)

"""Checks of settings that belong to different groups."""

from __future__ import annotations

from wsss.errors import UserError
from wsss.evaluation.judging import EvaluationConfig
from wsss.models.build import ModelConfig
from wsss.training.masking import Masking, TokenMasking

OBJECTIVES = ("mAP", "pseudo_mask")


def check_masking(masking: Masking, model: ModelConfig) -> None:
    """`UserError` if masking is on but the model has no class tokens where it hides them."""
    if not isinstance(masking, TokenMasking):
        return
    if masking.place == "patches":
        if model.patch_head != "compete":
            raise UserError("masking.place=patches needs model.patch_head=compete")
        return
    if model.class_tokens == "shared":
        raise UserError(
            f"masking={masking.name} needs model.class_tokens=per_class; set masking=none"
        )
    if model.token_head == "none":
        raise UserError(f"masking={masking.name} needs model.token_head; set masking=none")


def check_objective(objective: str, evaluation: EvaluationConfig) -> None:
    """`UserError` for an unknown objective, or one measured on the split that is reported."""
    if objective not in OBJECTIVES:
        raise UserError(f"objective is '{objective}'; valid: {', '.join(OBJECTIVES)}")
    if objective == "pseudo_mask" and evaluation.split == "test":
        raise UserError(
            "objective=pseudo_mask would select by the reported split; "
            "set evaluation.split=val, or objective=mAP, which needs no pixel masks"
        )

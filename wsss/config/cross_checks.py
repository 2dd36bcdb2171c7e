"""Checks of settings that belong to different groups."""

from __future__ import annotations

from wsss.errors import UserError
from wsss.evaluation.judging import EvaluationConfig
from wsss.models.architecture import COMPETING
from wsss.models.build import ModelConfig
from wsss.training.masking import Masking, TokenMasking
from wsss.training.pruning import PruningConfig

OBJECTIVES = ("mAP", "pseudo_mask")


def check_masking(masking: Masking, model: ModelConfig) -> None:
    """`UserError` if masking is on but the model has no class tokens where it hides them."""
    if not isinstance(masking, TokenMasking) or masking.place == "patches":
        return
    if model.class_tokens == "shared":
        raise UserError(
            f"masking={masking.name} needs model.class_tokens=per_class; set masking=none"
        )
    if model.token_head == "none":
        raise UserError(
            f"masking={masking.name} needs model.token_head; set masking=none, or "
            "masking.place=patches with model.patch_head=compete or compete_background"
        )


def check_competition(masking: Masking, model: ModelConfig) -> None:
    """`UserError` if classes are hidden from a competition that the model does not have."""
    hides = isinstance(masking, TokenMasking) and masking.place == "patches"
    if hides and model.patch_head not in COMPETING:
        heads = " or ".join(COMPETING)
        raise UserError(f"masking.place=patches needs model.patch_head={heads}")


def check_pruning(pruning: PruningConfig, model: ModelConfig) -> None:
    """`UserError` for gates of heads that the model does not have."""
    if model.depth == 0 and (pruning.with_classifier() or pruning.after_classifier()):
        raise UserError(f"pruning={pruning.name} needs a block, model.depth is 0; set pruning=none")


def check_objective(objective: str, evaluation: EvaluationConfig) -> None:
    """`UserError` for an unknown objective, or one measured on the split that is reported."""
    if objective not in OBJECTIVES:
        raise UserError(f"objective is '{objective}'; valid: {', '.join(OBJECTIVES)}")
    if objective == "pseudo_mask" and evaluation.split == "test":
        raise UserError(
            "objective=pseudo_mask would select by the reported split; "
            "set evaluation.split=val, or objective=mAP, which needs no pixel masks"
        )

"""What settings of several groups must have in common."""

from __future__ import annotations

from wsss.errors import UserError
from wsss.evaluation.judging import EvaluationConfig
from wsss.models.build import ModelConfig
from wsss.training.masking import Masking, NoMasking

OBJECTIVES = ("mAP", "pseudo_mask")


def check_masking(masking: Masking, model: ModelConfig) -> None:
    """Masking hides the tokens of classes, so there must be some, and scores made from them."""
    if isinstance(masking, NoMasking):
        return
    if model.class_tokens == "shared":
        raise UserError(
            f"masking={masking.name} needs model.class_tokens=per_class; set masking=none"
        )
    if model.token_head == "none":
        raise UserError(f"masking={masking.name} needs model.token_head; set masking=none")


def check_objective(objective: str, evaluation: EvaluationConfig) -> None:
    """What a search maximises must not be what is reported."""
    if objective not in OBJECTIVES:
        raise UserError(f"objective is '{objective}'; valid: {', '.join(OBJECTIVES)}")
    if objective == "pseudo_mask" and evaluation.split == "test":
        raise UserError(
            "objective=pseudo_mask would choose by the split that is reported; "
            "set evaluation.split=val, or objective=mAP, which needs no pixel masks"
        )

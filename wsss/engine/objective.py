"""The value that a searching sweeper maximises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsss.config.schema import Config


def objective(config: Config, metrics: Mapping[str, Mapping[str, Any]]) -> float | None:
    """The value named by ``config.objective``; higher is better.

    Args:
        config: of the run.
        metrics: of the stages that were run, by name.

    Returns:
        ``mAP``: mean average precision in [0, 1] of image labels on ``val``, after pruning where
        that was run; ``pseudo_mask``: mIoU in [0, 1] of pseudo-masks on ``evaluation.split``.
        ``None`` where the stages that measure it were not run.
    """
    if config.objective == "pseudo_mask":
        if "evaluate" not in metrics:
            return None
        return float(metrics["evaluate"]["pseudo_mask"][config.evaluation.split]["miou"])
    if "prune" in metrics:
        return float(metrics["prune"]["mAP_after"])
    return float(metrics["train"]["val"]["mAP"]) if "train" in metrics else None

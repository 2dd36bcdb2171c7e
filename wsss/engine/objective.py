"""The value that a search sweeper maximises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsss.config.schema import Config


def objective(config: Config, metrics: Mapping[str, Mapping[str, Any]]) -> float | None:
    """The value named by ``config.objective``; higher is better.

    Args:
        config: config of the run.
        metrics: metrics of the stages that were run, by stage name.

    Returns:
        ``mAP``: mean average precision in [0, 1] of image labels on ``val``, after pruning if
        that was run; ``pseudo_mask``: mIoU in [0, 1] of pseudo-masks on ``evaluation.split``.
        ``None`` if the stages that measure it were not run.
    """
    if config.objective == "pseudo_mask":
        if "evaluate" not in metrics:
            return None
        return float(metrics["evaluate"]["pseudo_mask"][config.evaluation.split]["miou"])
    if "prune" in metrics:
        return float(metrics["prune"]["mAP_after"])
    return float(metrics["train"]["val"]["mAP"]) if "train" in metrics else None

"""Ending a training that has diverged."""

from __future__ import annotations

import math

from wsss.errors import UserError
from wsss.training.epoch_metrics import EpochMetrics


def refuse_divergence(metrics: EpochMetrics, epoch: int, rate: str) -> None:
    """`UserError` if a loss of an epoch is NaN or infinite: no later epoch can mend that.

    Args:
        metrics: of the epoch; losses are those whose name ends in ``loss``.
        epoch: number of the epoch, from 0.
        rate: config key of the learning rate.
    """
    for name, value in metrics.items():
        if name.endswith("loss") and not math.isfinite(value):
            raise UserError(
                f"training has diverged: {name} is {value} in epoch {epoch + 1}; "
                f"lower {rate}, or set trainer.gradient_clip or trainer.precision=32"
            )

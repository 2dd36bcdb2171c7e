"""Stage ``prune``: train head gates if the config requires it, then remove the closed heads."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.positives import check_positives
from wsss.engine.stage import Context, Metrics, Stage, dataset_inputs


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """The pruning settings and, if this stage trains gates, the training settings."""
    if config.pruning.after_classifier() is None:
        return {"pruning": asdict(config.pruning)}
    return {
        "seed": config.seed,
        "pruning": asdict(config.pruning),
        "masking": asdict(config.masking),
        "loss": asdict(config.loss),
        "dataset": dataset_inputs(config, dataset, ("train", "val")),
        "trainer": config.trainer.to_the_end().classifier_settings(),
    }


def check(config: Config, dataset: Dataset) -> None:
    """`UserError` without labels to score gates with."""
    check_positives(dataset, "train", "val")


def run(context: Context) -> Metrics:
    """Write the pruned classifier, its gates and a table of heads; measure mAP before and after."""
    from wsss.stages.pruning import prune

    return prune(context)


STAGE = Stage(
    name="prune",
    upstream=("train",),
    inputs=inputs,
    run=run,
    check=check,
    key_figure=lambda m: f"{m['heads_kept']} of {m['heads']} heads, val mAP {m['mAP_after']:.3f}",
    version=2,  # with a table of heads
    trains=lambda config: config.pruning.after_classifier() is not None,
)

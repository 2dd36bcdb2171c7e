"""Stage ``ceiling``: the same segmenter trained on true masks, the fully supervised yardstick.

It is not part of the chain: apart from ``evaluate`` it is the only stage that reads pixel masks, it
runs only when requested by name, and no stage reads its artifact.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.types import Split
from wsss.engine.stage import Context, Metrics, Stage, dataset_inputs
from wsss.errors import UserError
from wsss.models.segmenter_config import EncoderSegmenterConfig
from wsss.stages.settings import segmenter_inputs
from wsss.stages.truth import Truth, read_truth, reported_split


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """All that the segmenter and its evaluation depend on, including the masks."""
    truth = _truth(config, dataset)
    return plan(config, dataset) | {
        "judged": dataset_inputs(config, dataset, tuple(truth.ids)),
        "masks": truth.digest,
    }


def plan(config: Config, dataset: Dataset) -> dict[str, Any]:
    """All that the segmenter and its evaluation depend on, except the masks."""
    once = replace(config, segmenter=replace(config.segmenter, rounds=1))
    return segmenter_inputs(once, dataset) | {
        "evaluation": config.evaluation.split,
        "overlap": config.segmenter.overlap,
        "name": dataset.info.name,
    }


def check(config: Config, dataset: Dataset) -> None:
    """`UserError` for a segmenter that needs the encoder of a classifier."""
    if isinstance(config.segmenter, EncoderSegmenterConfig):
        raise UserError("stage=ceiling has no encoder; set segmenter=unet or segmenter=segformer")


def run(context: Context) -> Metrics:
    """Train on the true masks and score on the reported split."""
    from wsss.stages.supervision import train_on_truth

    return train_on_truth(context, _truth(context.config, context.dataset))


def _truth(config: Config, dataset: Dataset) -> Truth:
    """Every mask of the splits that are used; a broken mask is an error."""
    splits: list[Split] = ["train", "val", reported_split(config)]
    strict = replace(config, dataset=replace(config.dataset, on_error="raise"))
    return read_truth(strict, dataset, {s: list(dataset.ids(s)) for s in splits})


def _key_figure(metrics: Metrics) -> str:
    (result,) = metrics["segmenter"].values()
    return f"mIoU segmenter {result['miou']:.3f}, fully supervised"


STAGE = Stage(
    name="ceiling",
    upstream=(),
    inputs=inputs,
    run=run,
    check=check,
    key_figure=_key_figure,
    plan=plan,
    trains=lambda config: True,
)

"""Stage ``ceiling``: the same segmenter trained on true masks, to know what is possible.

Not part of the chain: the one place besides ``evaluate`` that sees pixel masks, run only when
asked for by name, and nothing reads its artifact.
"""

from __future__ import annotations

from typing import Any

from wsss.data.base import Dataset, Split
from wsss.evaluation import evaluate_masks
from wsss.pipelines import evaluate, segment, train
from wsss.pipelines.config import Config
from wsss.pipelines.stage import Context, Metrics, Stage, dataset_inputs


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """What the segmenter and its evaluation depend on, and every mask in use."""
    splits: tuple[Split, ...] = ("train", "val", evaluate.reported_split(config))
    return segment.inputs(config, dataset) | {
        "evaluation": config.evaluation.split,
        "overlap": config.segmenter.overlap,
        "judged": dataset_inputs(config, dataset, splits),
        "masks": evaluate.mask_digest(dataset, tuple(dict.fromkeys(splits))),
    }


def run(context: Context) -> Metrics:
    """Train on the true masks and score on the reported split."""
    truth = context.dataset.open_masks()
    spec = train.input_spec(context.config, context.dataset)
    training = segment.train_segmenter(context, spec, {"train": truth, "val": truth})
    split = evaluate.reported_split(context.config)
    predict = evaluate.segmenter_reader(context, context.artifact.path)
    result = evaluate_masks(context.dataset, split, predict, truth, image_labels="none")
    return training | {"segmenter": {split: result}}


def _key_figure(metrics: Metrics) -> str:
    (result,) = metrics["segmenter"].values()
    return f"mIoU segmenter {result['miou']:.3f}, fully supervised"


STAGE = Stage(
    name="ceiling",
    upstream=(),
    inputs=inputs,
    run=run,
    key_figure=_key_figure,
)

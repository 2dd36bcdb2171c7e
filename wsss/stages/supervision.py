"""The work of stage ``ceiling``."""

from __future__ import annotations

from wsss.engine.stage import Context, Metrics
from wsss.evaluation.judging import evaluate_masks
from wsss.stages.classifier import input_spec
from wsss.stages.segmenter import Labels, segmenter_reader, train_segmenter
from wsss.stages.truth import Truth, reported_split


def train_on_truth(context: Context, truth: Truth) -> Metrics:
    """Train on the true masks and score on the reported split."""
    config, dataset = context.config, context.dataset
    spec = input_spec(config, dataset, context.memory)
    labels: Labels = {"train": truth.read, "val": truth.read}
    training = train_segmenter(context, spec, labels, rounds=1)
    if not context.world.leads:
        return {}
    split = reported_split(config)
    predict = segmenter_reader(context, context.artifact.path)
    result = evaluate_masks(
        dataset, split, predict, truth.read, ids=truth.ids[split], image_labels="none"
    )
    return training | {"segmenter": {split: result}}

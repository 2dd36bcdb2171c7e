"""The work of stage ``evaluate``."""

from __future__ import annotations

from functools import partial

from wsss.engine.stage import Context, Metrics
from wsss.evaluation.judging import evaluate_masks, judged_images
from wsss.models.checkpoint import load_classifier
from wsss.pseudo_masks.files import read_pseudo_mask
from wsss.stages.figures import draw_figures
from wsss.stages.segmenter import segmenter_reader
from wsss.stages.thresholds import choose_threshold, origin
from wsss.stages.token_training import score_classifier
from wsss.stages.truth import curve_images, evaluated_truth, reported_split


def evaluate(context: Context) -> Metrics:
    """Score classifier, pseudo-masks and segmenter, and draw their results."""
    config, dataset, upstream = context.config, context.dataset, context.upstream
    split = reported_split(config)
    truth = evaluated_truth(config, dataset)
    model, spec = load_classifier(upstream["prune"])
    predict = segmenter_reader(context, upstream["segment"])
    metrics = {
        "classifier": {split: score_classifier(context, model, spec, split)},
        "pseudo_mask": {
            name: evaluate_masks(
                dataset,
                name,
                partial(read_pseudo_mask, upstream["generate"], name),
                truth.read,
                ids=truth.ids[name],
                image_labels=config.pseudo_mask.image_labels,
                threshold_from=origin(config.pseudo_mask, dataset.info),
            )
            for name in judged_images(dataset, split)
        },
        "segmenter": {
            split: evaluate_masks(
                dataset, split, predict, truth.read, ids=truth.ids[split], image_labels="none"
            )
        },
        "unreadable_masks": truth.unreadable,
    }
    for chosen_on in curve_images(config, dataset):
        metrics |= choose_threshold(context, truth, chosen_on, split)
    draw_figures(
        context,
        metrics,
        split=split,
        predict=predict,
        truth=truth.read,
        ids=truth.ids[split],
    )
    return metrics

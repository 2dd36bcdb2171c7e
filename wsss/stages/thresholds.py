"""Where the thresholds of pseudo-masks come from, and the best one on another split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from wsss.data.types import DatasetInfo, Split
from wsss.engine.stage import Context, Metrics
from wsss.evaluation.judging import scored
from wsss.evaluation.threshold_curve import THRESHOLDS, ThresholdEvaluator
from wsss.maps.storage import StoredMaps
from wsss.progress import track
from wsss.pseudo_masks.candidates import find_candidates
from wsss.pseudo_masks.config import PseudoMaskConfig
from wsss.pseudo_masks.filling import held
from wsss.pseudo_masks.min_max import min_max
from wsss.pseudo_masks.painting import paint
from wsss.stages.truth import Truth


def origin(rule: PseudoMaskConfig, info: DatasetInfo, chosen: str = "") -> str:
    """Where the thresholds that a pseudo-mask depends on come from.

    All come from the config, none from masks. The exception is a background threshold that was
    chosen on another split, which ``chosen`` describes.
    """
    used = []
    if rule.image_labels == "predicted":
        used.append(f"presence_threshold={rule.presence_threshold}")
    if rule.has_threshold(info.background) and not chosen:
        used.append(f"background_threshold={rule.background_threshold}")
        if rule.foreground_threshold is not None:
            used.append(f"foreground_threshold={rule.foreground_threshold}")
    if rule.margin > 0:
        used.append(f"margin={rule.margin}")
    given = [f"config, {', '.join(used)}"] if used else []
    return "; ".join([*given, *([chosen] if chosen else [])]) or "none"


def choose_threshold(context: Context, truth: Truth, chosen_on: Split, reported: Split) -> Metrics:
    """Find the best ``background_threshold`` on one split and score it on another.

    Every threshold uses the config's rule without ``foreground_threshold``. Among equally
    good thresholds the lowest is taken.

    Returns:
        ``threshold_curve``, and ``pseudo_mask_at_best``: the score of the reported split at the
        threshold that is best on ``chosen_on``.
    """
    info = context.dataset.info
    counts = _count(context, truth, chosen_on)
    miou = [
        _result(context, counts, index, chosen_on, ids=truth.ids[chosen_on])["miou"]
        for index in range(len(THRESHOLDS))
    ]
    best = int(np.argmax(miou))
    chosen = f"{info.name}/{chosen_on}, background_threshold={THRESHOLDS[best]}"
    counts = _count(context, truth, reported)
    result = _result(context, counts, best, reported, ids=truth.ids[reported], chosen=chosen)
    return {
        "threshold_curve": {
            "split": chosen_on,
            "thresholds": list(THRESHOLDS),
            "miou": miou,
            "best": THRESHOLDS[best],
        },
        "pseudo_mask_at_best": {reported: result},
    }


def _count(context: Context, truth: Truth, split: Split) -> ThresholdEvaluator:
    dataset, rule = context.dataset, context.config.pseudo_mask
    assert dataset.info.background is not None
    counts = ThresholdEvaluator(len(dataset.info.classes), dataset.info.background)
    lowest = replace(rule, background_threshold=0.0, foreground_threshold=None)
    judged = set(truth.ids[split])
    every = zip(StoredMaps(context.upstream["extract"], split), dataset.labels(split), strict=True)
    for maps, labels in track(every, f"thresholds on {split}", len(dataset.ids(split))):
        if maps.image_id not in judged:
            continue
        candidates = find_candidates(
            dataset, maps, labels=labels, settings=rule, device=context.device
        )
        heights = np.zeros(candidates.valid.shape, np.float32)
        if (pixels := held(candidates.maps, candidates.valid)).size:
            heights[candidates.valid] = min_max(pixels).max(axis=0)[0]
        counts.update(paint(candidates, lowest, dataset.info), heights, truth.read(maps.image_id))
    return counts


def _result(
    context: Context,
    counts: ThresholdEvaluator,
    index: int,
    split: Split,
    *,
    ids: Sequence[str],
    chosen: str = "",
) -> dict[str, Any]:
    rule, dataset = context.config.pseudo_mask, context.dataset
    return scored(
        counts.at(index),
        dataset,
        split,
        ids=ids,
        image_labels=rule.image_labels,
        threshold_from=origin(rule, dataset.info, chosen),
    )

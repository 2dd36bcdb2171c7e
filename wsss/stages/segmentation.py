"""The work of stage ``segment``."""

from __future__ import annotations

from functools import partial

from wsss.engine.stage import Context, Metrics
from wsss.models.checkpoint import load_classifier
from wsss.pseudo_masks.files import read_pseudo_mask
from wsss.stages.segmenter import Labels, train_segmenter


def segment(context: Context) -> Metrics:
    """Train on pseudo-masks; each later round trains on the masks of the previous segmenter."""
    classifier, spec = load_classifier(context.upstream["train"])
    masks = context.upstream["generate"]
    labels: Labels = {
        "train": partial(read_pseudo_mask, masks, "train"),
        "val": partial(read_pseudo_mask, masks, "val"),
    }
    return train_segmenter(
        context, spec, labels, rounds=context.config.segmenter.rounds, classifier=classifier
    )

"""Stage ``segment``: train a segmenter on images and pseudo-masks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from wsss.config.schema import Config
from wsss.engine.stage import Context, Metrics, Stage
from wsss.models.checkpoint import load_classifier
from wsss.pseudo_masks.files import read_pseudo_mask
from wsss.stages.segmenter import Labels, segmenter_inputs, train_segmenter


def run(context: Context) -> Metrics:
    """Train on pseudo-masks; each later round trains on the masks of the previous segmenter."""
    _, spec = load_classifier(context.upstream["train"])
    masks = context.upstream["generate"]
    labels: Labels = {
        "train": partial(read_pseudo_mask, masks, "train"),
        "val": partial(read_pseudo_mask, masks, "val"),
    }
    return train_segmenter(context, spec, labels, context.config.segmenter.rounds)


def save_mlflow_model(
    config: Config, segmenter: Path, target: Path, metadata: Mapping[str, str]
) -> None:
    """The segmenter as an MLflow model; see `wsss.engine.stage.SaveModel`."""
    from wsss.export.mlflow_model import save_model  # MLflow takes seconds

    settings = config.segmenter
    save_model(
        target, segmenter, window=settings.window, overlap=settings.overlap, metadata=metadata
    )


def _key_figure(metrics: Metrics) -> str:
    loss = metrics["train_loss"]
    return "not trained" if loss is None else f"train loss {loss:.3f}"


STAGE = Stage(
    name="segment",
    upstream=("train", "generate"),
    inputs=segmenter_inputs,
    run=run,
    save_model=save_mlflow_model,
    key_figure=_key_figure,
    trains=lambda config: True,
)

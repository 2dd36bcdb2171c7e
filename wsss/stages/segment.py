"""Stage ``segment``: train a segmenter on images and pseudo-masks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.engine.stage import Context, Metrics, Stage
from wsss.errors import UserError
from wsss.models.segmenter_config import EncoderSegmenterConfig
from wsss.stages.settings import segmenter_inputs


def run(context: Context) -> Metrics:
    """Train on pseudo-masks; each later round trains on the masks of the previous segmenter."""
    from wsss.stages.segmentation import segment

    return segment(context)


def check(config: Config, dataset: Dataset) -> None:
    """`UserError` for a segmenter on an encoder that does not fit the classifier."""
    settings, patch = config.segmenter, config.model.patch_size
    if not isinstance(settings, EncoderSegmenterConfig):
        return
    for key, side in (("window", settings.window), ("image_size", settings.image_size)):
        if side % patch:
            raise UserError(
                f"segmenter.{key} is {side}, segmenter=encoder needs a multiple of the encoder's "
                f"patch size {patch}, such as {max(1, round(side / patch)) * patch}"
            )
    if config.pruning.with_classifier() is not None:
        raise UserError("segmenter=encoder takes all heads of an encoder; set pruning=none")


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
    version=2,  # on an encoder it trains on stored tokens
    upstream=("train", "generate"),
    inputs=segmenter_inputs,
    run=run,
    check=check,
    save_model=save_mlflow_model,
    key_figure=_key_figure,
    trains=lambda config: True,
)

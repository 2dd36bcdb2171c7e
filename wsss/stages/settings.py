"""What several modules of stages read from the config and the dataset, without PyTorch."""

from __future__ import annotations

from typing import Any

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.engine.stage import dataset_inputs
from wsss.errors import UserError
from wsss.training.trainer_config import TrainerConfig


def classifier_trainer(config: Config) -> TrainerConfig:
    """The trainer's settings; joint gates are always trained for all epochs."""
    joint = config.pruning.with_classifier() is not None
    return config.trainer.to_the_end() if joint else config.trainer


def trains_on_tokens(config: Config) -> bool:
    """Whether nothing before the patch head is trained."""
    model, loss = config.model, config.loss
    alone = model.frozen and model.class_tokens == "shared" and model.token_head == "none"
    blocks_follow = model.encoder != "own" and model.depth > 0
    return (
        alone
        and not blocks_follow
        and config.pruning.with_classifier() is None
        and loss.diversity == 0
        and loss.contrast == 0
    )


def segmenter_inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """The segmenter's settings and the images; pixel labels come from upstream."""
    return {
        "seed": config.seed,
        "segmenter": config.segmenter.determining(),
        "dataset": dataset_inputs(config, dataset, ("train", "val")),
        "trainer": config.trainer.result_settings(),
    }


def common_size(dataset: Dataset) -> tuple[int, int]:
    """Height and width of every training image; `UserError` if they differ."""
    sizes = {dataset.size(image_id) for image_id in dataset.ids("train")}
    if len(sizes) > 1:
        raise UserError(
            f"pseudo_mask.export needs images of one size, {dataset.info.name} has {len(sizes)} "
            "sizes; set pseudo_mask.export=false"
        )
    return sizes.pop()

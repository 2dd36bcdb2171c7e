"""Whether an experiment can run at all, asked before hours of work."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.engine.memory import check_memory
from wsss.errors import UserError
from wsss.models.build import architecture_of


def check_feasible(config: Config, stages: Collection[str], dataset: Dataset | None = None) -> None:
    """`UserError` for networks whose sizes do not fit together, or do not fit into memory.

    Args:
        config: the experiment.
        stages: names of the stages that will run.
        dataset: makes the check stricter, see `wsss.engine.memory.check_memory`.
    """
    check_networks(config, stages)
    check_memory(config, stages, dataset)
    if dataset is not None and {"segment", "ceiling"} & set(stages):
        _check_last_batch(config, len(dataset.ids("train")))


def check_networks(config: Config, stages: Collection[str]) -> None:
    """`UserError` if the classifier's sizes do not fit together, unless no stage needs it."""
    if set(stages) != {"ceiling"} and config.model.depth:
        one_block = replace(config.model, depth=1)
        size = config.dataset.image_size
        architecture_of(one_block, image_size=size, in_channels=1, num_classes=1)


def _check_last_batch(config: Config, images: int) -> None:
    """Batch normalisation cannot train on a single value."""
    settings, processes = config.segmenter, config.trainer.devices * config.trainer.num_nodes
    alone = images % settings.batch_size == 1 or settings.batch_size == 1
    if alone and processes == 1 and settings.max_epochs and settings.smallest_side() == 1:
        raise UserError(
            f"the last of {images} images is a batch of its own, of which the segmenter keeps a "
            "single pixel, too little for batch normalisation; set another segmenter.batch_size, "
            "or a larger segmenter.window"
        )

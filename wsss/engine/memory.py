"""Memory that an experiment needs at the very least, compared with what the machine has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import psutil

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.errors import UserError
from wsss.models.segmenter_config import EncoderSegmenterConfig
from wsss.training.optimizers import SgdConfig

_FLOAT = 4  # bytes
_HALF = 2  # activations in mixed precision


@dataclass(frozen=True)
class Need:
    """Something that must fit into memory."""

    what: str
    size: int
    """Bytes, a lower limit: only what surely exists at one time is counted."""
    lower: str
    """Keys that make it smaller."""


def check_memory(config: Config, stages: Collection[str], dataset: Dataset | None = None) -> None:
    """`UserError` if a stage needs more memory than the machine has, swap and GPUs included.

    Args:
        config: the experiment.
        stages: names of the stages that will run.
        dataset: gives numbers of bands and images and the size of one image; without it there is
            one of each, so that the check can come before any data is read.
    """
    memory = psutil.virtual_memory().total + psutil.swap_memory().total
    for need in _needs(config, stages, dataset):
        if need.size > memory and need.size > (there := memory + _of_gpus()):
            raise UserError(
                f"{need.what} would take {need.size / 2**30:.3g} GiB of memory or more, this "
                f"machine has {there / 2**30:.3g}; lower {need.lower}"
            )


def _needs(config: Config, stages: Collection[str], dataset: Dataset | None) -> Iterator[Need]:
    images = 1 if dataset is None else len(dataset.ids("train"))
    bands = 1 if dataset is None else len(dataset.info.bands)
    processes = config.trainer.devices * config.trainer.num_nodes
    if "train" in stages:
        batch = max(1, min(config.trainer.batch_size, images) // processes)
        yield from _classifier(config, batch, bands)
    if {"extract", "generate"} & set(stages):
        size = (1, 1) if dataset is None else dataset.size(dataset.ids("train")[0])
        if "extract" in stages:
            yield _view(config, size, bands)
        if "generate" in stages and config.pseudo_mask.refine == "pamr":
            yield _refinement(config, size, bands)
    if {"segment", "ceiling"} & set(stages):
        batch = max(1, min(config.segmenter.batch_size, images) // processes)
        yield from _segmenter(config, batch, bands)


def _classifier(config: Config, batch: int, bands: int) -> Iterator[Need]:
    """Weights, gradients and their means; images and what each block keeps of them."""
    model, side = config.model, config.dataset.image_size
    copies = (
        (3 if isinstance(config.optimizer, SgdConfig) else 4) if config.trainer.max_epochs else 1
    )
    width, tokens = model.embed_dim, (side // model.patch_size) ** 2
    weights = model.depth * (4 * width**2 + 2 * width * round(width * model.mlp_ratio))
    yield Need(
        "training the classifier's weights",
        copies * _FLOAT * weights,
        "model.embed_dim, model.depth or model.mlp_ratio",
    )
    if not config.trainer.max_epochs:
        return
    kept = _HALF * model.depth * tokens * width
    yield Need(
        f"training the classifier on {batch} images of {side} x {side}",
        batch * (_FLOAT * bands * side**2 + kept),
        "dataset.image_size, trainer.batch_size or model.depth",
    )


def _view(config: Config, size: tuple[int, int], bands: int) -> Need:
    """One image at the largest scale, its tokens and, for affinities, one attention matrix."""
    attention, model = config.attention, config.model
    scale = max(attention.scales)
    if attention.max_side is None:
        scale *= config.dataset.image_size / max(size)
    else:
        scale *= min(1.0, attention.max_side / max(size))
    pixels = round(size[0] * scale) * round(size[1] * scale)
    tokens = pixels // model.patch_size**2
    floats = bands * pixels + tokens * model.embed_dim + (tokens**2 if attention.affinity else 0)
    return Need(
        f"maps of an image of {round(size[0] * scale)} x {round(size[1] * scale)}",
        _FLOAT * floats,
        "attention.scales or attention.max_side",
    )


def _refinement(config: Config, size: tuple[int, int], bands: int) -> Need:
    """The weights of all neighbours, and the image with its border."""
    dilations = config.pseudo_mask.pamr_dilations
    height, width = (side + 2 * max(dilations) for side in size)
    floats = 8 * len(dilations) * size[0] * size[1] + bands * height * width
    return Need(
        f"refining masks of {size[0]} x {size[1]}", _FLOAT * floats, "pseudo_mask.pamr_dilations"
    )


def _segmenter(config: Config, batch: int, bands: int) -> Iterator[Need]:
    """Weights, gradients and their two means; an image, and the windows of a batch."""
    segmenter = config.segmenter
    copies = 4 if segmenter.max_epochs else 1
    yield Need(
        "training the segmenter's weights",
        copies * _FLOAT * segmenter.least_weights(),
        "the numbers of channels and blocks in segmenter",
    )
    if not segmenter.max_epochs:
        return
    if isinstance(segmenter, EncoderSegmenterConfig):
        tokens = (segmenter.image_size // config.model.patch_size) ** 2 * config.model.embed_dim
        yield Need(
            f"training the segmenter on tokens of images of {segmenter.image_size} pixels",
            _FLOAT * (bands * segmenter.image_size**2 + batch * tokens),
            "segmenter.image_size or segmenter.batch_size",
        )
        return
    yield Need(
        f"training the segmenter on images of {segmenter.image_size} x {segmenter.image_size}",
        _FLOAT * bands * (segmenter.image_size**2 + batch * segmenter.window**2),
        "segmenter.image_size, segmenter.window or segmenter.batch_size",
    )


def _of_gpus() -> int:
    """Bytes of memory that all GPUs have."""
    import torch  # takes seconds, and most experiments fit without

    gpus = range(torch.cuda.device_count())
    return sum(int(torch.cuda.get_device_properties(gpu).total_memory) for gpu in gpus)

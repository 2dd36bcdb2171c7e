"""How class maps are taken from a classifier: the config group ``attention``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wsss.checks import check_choice, check_least
from wsss.errors import UserError
from wsss.models.build import ModelConfig

SOURCES = ("attention", "patch_cam", "fused", "clusters")

HEADS = ("open", "all", "weighted")

METHODS = ("sum", "rollout")


@dataclass(frozen=True)
class AttentionConfig:
    """How maps are taken from a classifier.

    ``source`` is what they are: ``attention`` of class tokens to patches; ``patch_cam``, the class
    scores of its patch head, cut at 0; ``fused``, the root of the product of both (MCTformer, Xu
    et al., CVPR 2022); or ``clusters``, for a shared class token (`wsss.maps.clusters`). With
    ``affinity`` they are then spread along the attention between patches (`wsss.maps.affinity`).

    ``heads`` says whose attention is averaged: ``open`` the heads that pruning left, ``all`` those
    of the classifier as it was trained, ``weighted`` what pruning left, each head by its soft gate.
    ``layers`` is ``all``, ``last_<k>`` for the last k blocks, a list of block numbers from 0, or
    ``learnt``: all, each with the weight that image labels give it (`wsss.maps.layer_weights`).
    ``method`` joins them: ``sum`` as published, or ``rollout`` (`wsss.maps.rollout`).

    Maps are taken at the image's own size, with the longer side at most ``max_side`` pixels, or,
    where that is ``None``, at the size that the classifier was trained on. ``scales`` are factors
    on it; ``flip`` adds the mirrored image. All views are averaged.
    """

    source: str
    affinity: bool
    heads: str
    layers: Any
    method: str
    max_side: int | None
    scales: list[float]
    flip: bool
    batch_size: int

    def __post_init__(self) -> None:
        check_choice("attention.source", self.source, SOURCES)
        check_choice("attention.heads", self.heads, HEADS)
        check_choice("attention.method", self.method, METHODS)
        check_least("attention.max_side", self.max_side, 1)
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"attention.scales is {self.scales}, it must hold numbers above 0")
        check_least("attention.batch_size", self.batch_size, 1)


def layer_numbers(layers: object, depth: int) -> list[int]:
    """Numbers of the blocks that ``layers`` names, rising, see `AttentionConfig`.

    Raises:
        UserError: anything else, a block that is not there, or one that stands twice.
    """
    if layers in ("all", "learnt"):
        return list(range(depth))
    if isinstance(layers, str):
        kind, _, count = layers.partition("_")
        if kind == "last" and count.isdecimal() and 1 <= int(count) <= depth:
            return list(range(depth - int(count), depth))
    elif (
        isinstance(layers, list)
        and layers
        and all(type(number) is int and 0 <= number < depth for number in layers)
        and len(set(layers)) == len(layers)
    ):
        return sorted(layers)
    raise UserError(
        f"attention.layers is '{layers}'; valid: all, learnt, last_1 .. last_{depth}, "
        f"or a list of different numbers from 0 to {depth - 1}"
    )


def check_maps(config: AttentionConfig, model: ModelConfig) -> None:
    """`UserError` where a model does not have what maps are to be taken from."""
    source = config.source
    layer_numbers(config.layers, model.depth)
    if config.layers == "learnt":
        if model.patch_head == "none" or source not in ("attention", "fused"):
            raise UserError(
                "attention.layers=learnt weighs class attention by what it finds in patch scores; "
                "it needs model.patch_head=average or ranked, attention.source=attention or fused"
            )
        if config.method == "rollout":
            raise UserError("attention.layers=learnt needs attention.method=sum")
    if source in ("patch_cam", "fused") and model.patch_head == "none":
        raise UserError(f"attention.source={source} needs model.patch_head=average or ranked")
    if source in ("attention", "fused") and model.class_tokens == "shared":
        raise UserError(f"attention.source={source} needs model.class_tokens=per_class")
    if source == "clusters" and model.class_tokens != "shared":
        raise UserError("attention.source=clusters needs model.class_tokens=shared")

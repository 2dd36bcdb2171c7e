"""How class maps are made: the config group ``attention``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wsss.checks import check_choice, check_least
from wsss.errors import UserError
from wsss.maps.sources.needs import NEEDS
from wsss.models.architecture import POOLINGS
from wsss.models.build import ModelConfig

HEADS = ("open", "all", "weighted")
METHODS = ("sum", "rollout")
_HEADS = " or ".join(POOLINGS)


@dataclass(frozen=True)
class AttentionConfig:
    """How class maps are made from a classifier."""

    source: str
    """The source of maps: a key of `wsss.maps.sources.needs.NEEDS`."""
    affinity: bool
    """Spread maps along the attention between patches (`wsss.maps.affinity`)."""
    heads: str
    """Which heads are averaged.

    ``open``: those that pruning kept. ``all``: those of the classifier before pruning.
    ``weighted``: those that pruning kept, each weighted by its soft gate.
    """
    layers: Any
    """Which layers are used.

    ``all``; ``last_<k>`` for the last k blocks; a list of block numbers from 0; or ``learnt``: all,
    weighted as learnt from image labels (`wsss.maps.layer_weights`).
    """
    method: str
    """How the attention of layers is combined: ``sum``, or ``rollout`` (`wsss.maps.rollout`)."""
    max_side: int | None
    """Maximum length in pixels of an image's longer side; smaller images keep their size.

    ``None``: images are resized to the size that the classifier was trained on.
    """
    scales: list[float]
    """Factors on that size, each above 0, one view per factor; maps of views are averaged."""
    flip: bool
    """Also average over mirror images."""
    batch_size: int
    """Images per forward pass, at least 1."""

    def __post_init__(self) -> None:
        check_choice("attention.source", self.source, tuple(NEEDS))
        check_choice("attention.heads", self.heads, HEADS)
        check_choice("attention.method", self.method, METHODS)
        check_least("attention.max_side", self.max_side, 1)
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"attention.scales is {self.scales}, it must hold numbers above 0")
        check_least("attention.batch_size", self.batch_size, 1)


def layer_numbers(layers: object, depth: int) -> list[int]:
    """Numbers of the blocks that `AttentionConfig.layers` names, ascending.

    Raises:
        UserError: an invalid value, an unknown block, or a block named twice.
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


def check_maps(config: AttentionConfig, model: ModelConfig, *, self_labelled: bool) -> None:
    """Raise `UserError` if the model lacks what the maps are made from."""
    needs = NEEDS[config.source]
    if model.depth == 0 and (config.affinity or not needs.patches_alone):
        key = "affinity=true" if needs.patches_alone else f"source={config.source}"
        raise UserError(f"attention.{key} needs a block, model.depth is 0")
    layer_numbers(config.layers, model.depth)
    if config.layers == "learnt":
        if model.patch_head == "none" or not needs.class_attention:
            sources = " or ".join(name for name, s in NEEDS.items() if s.class_attention)
            raise UserError(
                "attention.layers=learnt weights class attention by the patch scores it finds; "
                f"it needs model.patch_head={_HEADS}, attention.source={sources}"
            )
        if config.method == "rollout":
            raise UserError("attention.layers=learnt needs attention.method=sum")
    if needs.patch_head and model.patch_head == "none":
        raise UserError(f"attention.source={config.source} needs model.patch_head={_HEADS}")
    if needs.poolings and model.patch_head not in needs.poolings:
        heads = " or ".join(needs.poolings)
        raise UserError(f"attention.source={config.source} needs model.patch_head={heads}")
    if needs.labeller and not self_labelled:
        raise UserError(f"attention.source={config.source} needs self_labelling.rounds above 0")
    if self_labelled and not needs.labeller:
        raise UserError(
            f"attention.source={config.source} does not use self-labelling; set "
            "self_labelling.rounds=0 or attention.source=self_labelled"
        )
    if needs.class_tokens not in (None, model.class_tokens):
        raise UserError(
            f"attention.source={config.source} needs model.class_tokens={needs.class_tokens}"
        )

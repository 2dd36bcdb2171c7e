"""Stage ``generate``: turn maps and image labels into pseudo-masks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.engine.stage import Context, Metrics, Part, Stage
from wsss.errors import UserError
from wsss.pseudo_masks.rules.registry import RULES
from wsss.stages.settings import common_size

_AGAINST_BACKGROUND = ("compete_background", "competition")
"""Patch head and source of maps that tell what is background."""


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """The rule; images and labels are part of the maps' fingerprint.

    Raises:
        UserError: a foreground threshold is set for a dataset without a background, or the rule
            cannot leave a background with the maps.
    """
    settings, info = config.pseudo_mask, dataset.info
    if settings.foreground_threshold is not None and info.background is None:
        raise UserError(
            f"pseudo_mask.foreground_threshold needs a dataset with a background, {info.name} has "
            "none; set pseudo_mask.margin to leave pixels unlabelled"
        )
    against = (config.model.patch_head, config.attention.source) == _AGAINST_BACKGROUND
    if RULES[settings.name].of_scores and info.background is not None and not against:
        head, source = _AGAINST_BACKGROUND
        raise UserError(
            f"pseudo_mask={settings.name} would paint every pixel, but {info.name} has the "
            f"background '{info.classes[info.background]}'; set model.patch_head={head} and "
            f"attention.source={source}, as experiment=frozen_background does, or choose another "
            "rule"
        )
    rule = asdict(settings)
    if not settings.has_threshold(info.background):
        del rule["background_threshold"], rule["foreground_threshold"]
    if settings.refine == "none":
        del rule["pamr_iterations"], rule["pamr_dilations"]
    exported = {"name": info.name} if settings.export else {}  # names the exported files
    return {"pseudo_mask": rule, "background": info.background} | exported


def check(config: Config, dataset: Dataset) -> None:
    """`UserError` if masks are to be exported as one array, and images differ in size."""
    if config.pseudo_mask.export:
        common_size(dataset)


def run(context: Context) -> Metrics:
    """Write one mask per image; existing masks are kept."""
    from wsss.stages.generation import generate

    return generate(context)


def run_part(context: Context, part: Part) -> None:
    """Write the masks of one part."""
    from wsss.stages.generation import generate_part

    generate_part(context, part)


def _share_of_likeliest(metrics: Metrics) -> str:
    name, share = max(metrics["coverage"]["train"].items(), key=lambda item: item[1])
    ignored = metrics["ignored"]["train"]
    unlabelled = f", {ignored:.0%} unlabelled" if ignored else ""
    return f"{metrics['rule']} masks, most {name} ({share:.0%}){unlabelled}"


STAGE = Stage(
    name="generate",
    upstream=("extract",),
    inputs=inputs,
    run=run,
    check=check,
    key_figure=_share_of_likeliest,
    run_part=run_part,
)

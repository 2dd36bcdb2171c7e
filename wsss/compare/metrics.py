"""The metrics by which runs are compared, and the rule that scores follow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsss.errors import UserError
from wsss.runs.results import read_metrics
from wsss.terminal import visible

_REPORTED = "<reported split>"
_MOST = 1e6


@dataclass(frozen=True)
class Metric:
    """A number in the metrics of a stage."""

    title: str
    stage: str
    where: tuple[str, ...]
    """Keys from outermost to innermost; `_REPORTED` stands for the reported split."""
    of_chain: bool = True
    """Whether every run of all six stages has it; a run without it is unfinished."""
    share: bool = True
    """Whether it is in [0, 1]."""

    @property
    def judged(self) -> bool:
        """Whether it depends on the images of the reported split and the rule."""
        return self.stage in ("evaluate", "ceiling")

    @property
    def decimals(self) -> int:
        """Number of decimals to print."""
        return 3 if self.share else 1


#: All metrics, in the order of columns.
METRICS: Mapping[str, Metric] = {
    "pseudo_mask_miou": Metric("pseudo-mask mIoU", "evaluate", ("pseudo_mask", _REPORTED, "miou")),
    "segmenter_miou": Metric("segmenter mIoU", "evaluate", ("segmenter", _REPORTED, "miou")),
    "mAP": Metric("mAP", "evaluate", ("classifier", _REPORTED, "mAP")),
    "val_mAP": Metric("val mAP", "train", ("val", "mAP"), of_chain=False),
    "ceiling_miou": Metric(
        "ceiling mIoU", "ceiling", ("segmenter", _REPORTED, "miou"), of_chain=False
    ),
    "heads_kept": Metric("heads kept", "prune", ("heads_kept",), of_chain=False, share=False),
}
#: Parts of a rule that must be equal for scores to refer to the same pixels.
SAME_PIXELS = (
    "split",
    "images",
    "protocol",
    "classes",
    "ignore_index",
    "image_size",
    "absent_class",
)


def read_scores(run: Path, split: str) -> dict[str, float]:
    """All metrics of a run directory by name, except those that are not finite.

    Raises:
        UserError: a file of metrics cannot be read, or has numbers that no metric can have.
    """
    stages = {metric.stage for metric in METRICS.values()}
    measured = {stage: _stage_metrics(run, stage) for stage in stages}
    found = {}
    for name, metric in METRICS.items():
        value = _dig(measured[metric.stage], metric.where, split)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            if not 0 <= value <= _MOST:
                raise UserError(f"{run}: its {metric.title} is {value:g}, no score of a run")
            found[name] = float(value)
    return found


def read_rule(run: Path, split: str) -> dict[str, str]:
    """The rule by which masks of a run were scored, as text by part; empty if none were scored.

    The parts are `SAME_PIXELS` and ``image_labels``: whether pseudo-masks used ``given`` image
    labels or ``predicted`` ones.

    Raises:
        UserError: a file of metrics cannot be read.
    """
    judged = _stage_metrics(run, "evaluate")
    pseudo_mask = _dig(judged, ("pseudo_mask", _REPORTED), split)
    result = (
        pseudo_mask
        or _dig(judged, ("segmenter", _REPORTED), split)
        or _dig(_stage_metrics(run, "ceiling"), ("segmenter", _REPORTED), split)
    )
    if not isinstance(result, dict) or not isinstance(result.get("rule"), dict):
        return {}
    parts = result["rule"] | {"images": result.get("images")}
    known = {name: _text(parts[name]) for name in SAME_PIXELS if parts.get(name) is not None}
    if pseudo_mask and "image_labels" in parts:  # segmenters use none
        known["image_labels"] = _text(parts["image_labels"])
    return known


def _stage_metrics(run: Path, stage: str) -> Any:
    try:
        return read_metrics(run, stage)
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _dig(content: Any, where: tuple[str, ...], split: str) -> Any:
    for key in where:
        if not isinstance(content, Mapping):
            return None
        content = content.get(split if key == _REPORTED else key)
    return content


def _text(part: Any) -> str:
    return visible(", ".join(map(str, part)) if isinstance(part, list) else str(part))

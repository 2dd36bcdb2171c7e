"""Settings of the segmenters: one class of common ones, one for each architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from wsss.checks import check_choice, check_least, check_positive, check_share

LOSSES: Mapping[str, str | None] = {
    "cross_entropy": None,
    "dice_ce": None,
    "generalised_ce": "generalised_q",
    "symmetric_ce": "symmetric_share",
    "bootstrap": "bootstrap_share",
}
"""The parameter of each loss, see `wsss.training.pixel_losses`."""


@dataclass(frozen=True)
class SegmenterConfig:
    """Training and use of a segmenter, whatever its architecture.

    Images are resized to ``image_size`` squared. Training sees random windows of ``window``
    pixels of them; at prediction windows slide over the image with ``overlap`` in [0, 1).
    ``loss`` is a key of `LOSSES`. ``rounds`` is how often a segmenter is trained: all but the
    first time on what its predecessor sees, within the image labels.
    """

    name: str
    image_size: int
    window: int
    loss: str
    generalised_q: float
    symmetric_share: float
    bootstrap_share: float
    rounds: int
    max_epochs: int
    batch_size: int
    lr: float
    weight_decay: float
    overlap: float

    def __post_init__(self) -> None:
        check_choice("segmenter.loss", self.loss, tuple(LOSSES))
        check_positive("segmenter.generalised_q", self.generalised_q)
        check_share("segmenter.generalised_q", self.generalised_q)
        check_share("segmenter.symmetric_share", self.symmetric_share)
        check_share("segmenter.bootstrap_share", self.bootstrap_share, below_one=True)
        check_least("segmenter.rounds", self.rounds, 1)
        check_least("segmenter.max_epochs", self.max_epochs, 0)
        check_least("segmenter.batch_size", self.batch_size, 1)
        check_positive("segmenter.lr", self.lr)
        check_least("segmenter.weight_decay", self.weight_decay, 0)
        check_share("segmenter.overlap", self.overlap, below_one=True)
        if not 0 < self.window <= self.image_size:
            raise ValueError(
                f"segmenter.window is {self.window}, it must lie in 1..segmenter.image_size "
                f"({self.image_size})"
            )

    def determining(self) -> dict[str, Any]:
        """The settings that determine what is learnt, JSON-ready."""
        without = {key for loss, key in LOSSES.items() if loss != self.loss}
        if self.rounds == 1:  # nothing is predicted
            without |= {"rounds", "overlap"}
        return {key: value for key, value in asdict(self).items() if key not in without}

    def architecture(self) -> dict[str, Any]:
        """What `wsss.models.segmenter.build_segmenter` builds the network from; JSON-ready."""
        common = {field.name for field in fields(SegmenterConfig)} - {"name"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in common}


@dataclass(frozen=True)
class UNetConfig(SegmenterConfig):
    """Residual U-Net, see `wsss.models.unet`."""

    channels: list[int]
    residual_units: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_sizes("segmenter.channels", self.channels)
        check_least("segmenter.residual_units", self.residual_units, 0)
        step = 2 ** (len(self.channels) - 1)
        if self.window % step or self.image_size % step:
            raise ValueError(
                f"segmenter.window {self.window} and segmenter.image_size {self.image_size} must "
                f"be multiples of {step}, for {len(self.channels)} levels"
            )


@dataclass(frozen=True)
class SegFormerConfig(SegmenterConfig):
    """SegFormer, see `wsss.models.segformer`; lists hold a number for each stage."""

    widths: list[int]
    depths: list[int]
    heads: list[int]
    reductions: list[int]
    decoder_width: int

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("widths", "depths", "heads", "reductions"):
            values = getattr(self, key)
            _check_sizes(f"segmenter.{key}", values)
            if len(values) != len(self.widths):
                raise ValueError(
                    f"segmenter.{key} is {values}, it must hold a number for each of the "
                    f"{len(self.widths)} stages of segmenter.widths"
                )
        check_least("segmenter.decoder_width", self.decoder_width, 1)
        for stage, (width, heads) in enumerate(zip(self.widths, self.heads, strict=True)):
            if width % heads:
                raise ValueError(
                    f"segmenter.widths {self.widths} must be multiples of segmenter.heads "
                    f"{self.heads}"
                )
            side = -(-self.window // 2 ** (stage + 2))
            if side < self.reductions[stage]:
                raise ValueError(
                    f"segmenter.reductions is {self.reductions}, but a segmenter.window of "
                    f"{self.window} has {side} x {side} tokens at stage {stage + 1}"
                )


def _check_sizes(key: str, values: list[int]) -> None:
    if not values or min(values) < 1:
        raise ValueError(f"{key} is {values}, it must hold whole numbers from 1")

"""The config group ``segmenter``: common settings, and those of each architecture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from wsss.checks import check_between, check_choice, check_least, check_positive, check_share

LOSSES: Mapping[str, str | None] = {
    "cross_entropy": None,
    "dice_ce": None,
    "generalised_ce": "generalised_q",
    "symmetric_ce": "symmetric_share",
    "bootstrap": "bootstrap_share",
}
"""Loss by name, with the name of its parameter; see `wsss.training.pixel_losses`."""


@dataclass(frozen=True)
class SegmenterConfig(ABC):
    """Training and use of a segmenter of any architecture."""

    name: str
    """Name of the option, a key of `wsss.models.segmenter.ARCHITECTURES`."""
    image_size: int
    """Side in pixels of the square to which images are resized."""
    window: int
    """Side in pixels of the random windows in training and the sliding ones at prediction."""
    loss: str
    """A key of `LOSSES`."""
    generalised_q: float
    """Parameter of ``generalised_ce`` in (0, 1]: near 0 cross-entropy, at 1 absolute error."""
    symmetric_share: float
    """Parameter of ``symmetric_ce`` in [0, 1]: weight of the reverse cross-entropy."""
    bootstrap_share: float
    """Parameter of ``bootstrap`` in [0, 1): weight of the network's own predictions."""
    rounds: int
    """Number of successive trainings; after the first, each uses masks that the previous segmenter
    predicts among the classes of the image labels."""
    max_epochs: int
    """Number of epochs in a round; 0 for no training."""
    batch_size: int
    """Number of windows or images in a batch, over all devices."""
    lr: float
    """Learning rate of AdamW after the warm-up."""
    weight_decay: float
    """Weight decay of AdamW."""
    overlap: float
    """Overlap of sliding windows as a share of their side, in [0, 1)."""

    @abstractmethod
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

    @abstractmethod
    def least_weights(self) -> int:
        """A lower limit of the number of weights."""

    @abstractmethod
    def smallest_side(self) -> int:
        """Side of the coarsest grid, of a window, that is batch-normalised."""

    def determining(self) -> dict[str, Any]:
        """The settings that determine the trained weights; can be written as JSON."""
        without = {key for loss, key in LOSSES.items() if loss != self.loss}
        if self.rounds == 1:  # no round trains on predictions
            without |= {"rounds", "overlap"}
        return {key: value for key, value in asdict(self).items() if key not in without}

    def architecture(self) -> dict[str, Any]:
        """Name and sizes for `wsss.models.segmenter.build_segmenter`; can be written as JSON."""
        common = {field.name for field in fields(SegmenterConfig)} - {"name"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in common}


@dataclass(frozen=True)
class UNetConfig(SegmenterConfig):
    """Residual U-Net, see `wsss.models.unet`."""

    channels: list[int]
    """Width of each level; every level halves the resolution of the previous one."""
    residual_units: int
    """Number of residual units in each level; 0 for plain convolutions."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_sizes("segmenter.channels", self.channels)
        if len(self.channels) < 2:
            raise ValueError(f"segmenter.channels is {self.channels}, it needs two levels or more")
        check_least("segmenter.residual_units", self.residual_units, 0)
        step = 2 ** (len(self.channels) - 1)
        if self.window % step or self.image_size % step:
            raise ValueError(
                f"segmenter.window {self.window} and segmenter.image_size {self.image_size} must "
                f"be multiples of {step}, for {len(self.channels)} levels"
            )

    def least_weights(self) -> int:
        """Kernels of 3 x 3 from level to level, and of all but the first unit of each."""
        pairs = zip(self.channels, self.channels[1:], strict=False)
        units = max(0, self.residual_units - 1) * sum(width**2 for width in self.channels)
        return 9 * (sum(upper * lower for upper, lower in pairs) + units)

    def smallest_side(self) -> int:
        """That of the last level."""
        return self.window >> len(self.channels) - 1


@dataclass(frozen=True)
class SegFormerConfig(SegmenterConfig):
    """SegFormer, see `wsss.models.segformer`; lists hold one number per stage."""

    widths: list[int]
    """Token width."""
    depths: list[int]
    """Number of blocks."""
    heads: list[int]
    """Number of attention heads; must divide the width."""
    reductions: list[int]
    """Factor by which the grid of keys and values is reduced per side."""
    decoder_width: int
    """Width of the decoder's hidden layer."""

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

    def least_weights(self) -> int:
        """Attention and MLP of each block."""
        blocks = zip(self.depths, self.widths, strict=True)
        return sum(8 * depth * width**2 for depth, width in blocks) + self.decoder_width**2

    def smallest_side(self) -> int:
        """That of the decoder, a quarter of the window."""
        return -(-self.window // 4)


@dataclass(frozen=True)
class EncoderSegmenterConfig(SegmenterConfig):
    """A decoder on the classifier's encoder, see `wsss.models.encoder_segmenter`.

    It is trained on whole images; ``window`` is that of prediction.
    """

    decoder_width: int
    """Width of the decoder's hidden layer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("segmenter.decoder_width", self.decoder_width, 1, 2**20)

    def determining(self) -> dict[str, Any]:
        """Without the window, as long as no round trains on predictions."""
        found = super().determining()
        return found if self.rounds > 1 else {k: v for k, v in found.items() if k != "window"}

    def least_weights(self) -> int:
        """Those of the hidden layer; the encoder is not trained."""
        return 9 * self.decoder_width

    def smallest_side(self) -> int:
        """No grid is batch-normalised."""
        return self.window


def _check_sizes(key: str, values: list[int]) -> None:
    if not values or min(values) < 1:
        raise ValueError(f"{key} is {values}, it must hold whole numbers of at least 1")

"""The config group ``model``, and the classifier built from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from wsss.checks import check_choice, check_least
from wsss.errors import UserError
from wsss.models.architecture import LOCAL_STATISTICS, Architecture, NetworkSettings
from wsss.models.normalisation import NORMALISATIONS

ENCODERS = ("own", "transformers", LOCAL_STATISTICS)

if TYPE_CHECKING:  # settings are read where PyTorch is not needed
    import torch

    from wsss.models.vit import ClassTokenViT


@dataclass(frozen=True, kw_only=True)
class ModelConfig(NetworkSettings):
    """The class-token ViT; the dataset determines image size, bands and classes."""

    name: str
    """Name of the option."""
    patch_size: int
    """Side of a patch in pixels."""
    num_heads: int
    """Number of heads in every block."""
    init_from: str | None
    """File or directory with initial weights of the whole model, see
    `wsss.models.checkpoint.load_weights`."""
    pretrained: str | None
    """File or directory with weights of a vision transformer for the encoder, see
    `wsss.models.released.pretrained.load_pretrained`."""
    frozen: bool
    """Train only what comes after the encoder, see `wsss.models.freezing`."""
    encoder: str
    """``own``: the blocks of this model. ``transformers``: the network of that library in the
    directory ``pretrained``. ``local_statistics``: `wsss.models.local_statistics`, which needs no
    weights. After the latter two come the blocks, and there may be none."""
    normalisation: str
    """Mean and deviation that images are standardised with: one of `NORMALISATIONS`.

    ``dataset``: those of the training split. ``imagenet``: those that most encoders of photographs
    were pretrained with. ``clip``: those of CLIP. ``half``: 0.5 each, as for SigLIP.
    ``sat493m``: those of DINOv3 of satellite images.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least("model.patch_size", self.patch_size, 1)
        check_least("model.num_heads", self.num_heads, 1)
        check_choice("model.normalisation", self.normalisation, NORMALISATIONS)
        check_choice("model.encoder", self.encoder, ENCODERS)
        if self.encoder == "own":
            check_least("model.depth", self.depth, 1)
        if self.init_from is not None and self.pretrained is not None:
            raise ValueError("model.init_from and model.pretrained are both set, choose one")
        if self.encoder == LOCAL_STATISTICS and self.pretrained is not None:
            raise ValueError(
                "model.encoder=local_statistics reads no weights; leave out model.pretrained"
            )

    def network_settings(self) -> dict[str, Any]:
        """The settings that an `Architecture` has too, by name."""
        return {field.name: getattr(self, field.name) for field in fields(NetworkSettings)}


def build_classifier(
    config: ModelConfig,
    *,
    image_size: int,
    in_channels: int,
    num_classes: int,
    generator: torch.Generator,
    encoder: Mapping[str, Any] | None = None,
) -> ClassTokenViT:
    """A class-token ViT with fresh weights; `UserError` for sizes that do not fit together."""
    from wsss.models.vit import ClassTokenViT

    architecture = architecture_of(
        config,
        image_size=image_size,
        in_channels=in_channels,
        num_classes=num_classes,
        encoder=encoder,
    )
    return ClassTokenViT(architecture, generator=generator)


def architecture_of(
    config: ModelConfig,
    *,
    image_size: int,
    in_channels: int,
    num_classes: int,
    encoder: Mapping[str, Any] | None = None,
) -> Architecture:
    """The network that a config describes; `UserError` for sizes that do not fit together."""
    try:
        return Architecture.of(
            image_size=image_size,
            patch_size=config.patch_size,
            in_channels=in_channels,
            num_classes=num_classes,
            num_heads=config.num_heads,
            encoder=encoder,
            **config.network_settings(),
        )
    except ValueError as error:
        raise UserError(f"model={config.name}: {error}") from error

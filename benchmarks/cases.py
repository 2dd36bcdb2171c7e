"""Model and input sizes of the benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from wsss.config.composing import compose_config
from wsss.config.schema import Config
from wsss.models.build import build_classifier
from wsss.models.vit import ClassTokenViT


class Case(NamedTuple):
    """A model of the config group and the size of its input."""

    model: str
    image: int
    patch: int
    classes: int
    batch: int

    def __str__(self) -> str:
        return f"{self.model} {self.image}/{self.patch}, {self.classes} classes, batch {self.batch}"

    @property
    def tokens(self) -> int:
        """Number of tokens: class tokens, patches and the register token."""
        return self.classes + (self.image // self.patch) ** 2 + 1


CASES = (
    Case("tiny", 224, 16, 8, 16),
    Case("base", 224, 16, 8, 8),
    Case("tiny", 448, 16, 20, 8),
    Case("base", 448, 16, 20, 2),
    Case("tiny", 448, 8, 20, 1),
    Case("base", 448, 8, 20, 1),
)


@dataclass(frozen=True)
class Built:
    """A case's config, classifier and batch."""

    config: Config
    model: ClassTokenViT
    images: Tensor
    """``[B, 3, H, W]``."""
    labels: Tensor
    """``[B, C]`` of 0 and 1, about a fifth of them 1."""


def build(case: Case, device: str, *, patch_head: bool, joint_gates: bool = False) -> Built:
    """The case's model with random weights, with the default patch head or without."""
    overrides = [f"model={case.model}", f"model.patch_size={case.patch}"]
    if not patch_head:
        overrides += ["model.patch_head=none", "attention=plain", "attention.source=attention"]
    config = compose_config(*overrides, f"pruning={'joint' if joint_gates else 'none'}")
    generator = torch.Generator().manual_seed(0)
    model = build_classifier(
        config.model,
        image_size=case.image,
        in_channels=3,
        num_classes=case.classes,
        generator=generator,
    )
    images = torch.randn(case.batch, 3, case.image, case.image, generator=generator)
    labels = (torch.rand(case.batch, case.classes, generator=generator) < 0.2).float()
    return Built(config, model.to(device), images.to(device), labels.to(device))

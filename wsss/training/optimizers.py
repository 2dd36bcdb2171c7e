"""Optimizers by config."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

from wsss.checks import check_least, check_positive, check_share


@dataclass(frozen=True)
class AdamConfig:
    """Adam with weight decay as an L2 term (Kingma & Ba, ICLR 2015)."""

    name: str
    lr: float
    weight_decay: float
    betas: list[float]

    def __post_init__(self) -> None:
        check_positive("optimizer.lr", self.lr)
        check_least("optimizer.weight_decay", self.weight_decay, 0)
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"optimizer.betas is {self.betas}, it must be two numbers in [0, 1)")


@dataclass(frozen=True)
class AdamWConfig(AdamConfig):
    """Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019)."""


@dataclass(frozen=True)
class SgdConfig:
    """Stochastic gradient descent with momentum."""

    name: str
    lr: float
    weight_decay: float
    momentum: float

    def __post_init__(self) -> None:
        check_positive("optimizer.lr", self.lr)
        check_least("optimizer.weight_decay", self.weight_decay, 0)
        check_share("optimizer.momentum", self.momentum, below_one=True)


OptimizerConfig = AdamWConfig | AdamConfig | SgdConfig


def build_optimizer(
    config: OptimizerConfig, named_parameters: Iterable[tuple[str, Parameter]]
) -> Optimizer:
    """The optimizer; matrices decay, while vectors, tokens and positions do not."""
    decayed: list[Parameter] = []
    plain: list[Parameter] = []
    for name, parameter in named_parameters:
        is_embedding = name.endswith(("_token", "pos_embed"))
        (plain if parameter.ndim < 2 or is_embedding else decayed).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    if isinstance(config, SgdConfig):
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum)
    kind = torch.optim.AdamW if isinstance(config, AdamWConfig) else torch.optim.Adam
    return kind(groups, lr=config.lr, betas=(config.betas[0], config.betas[1]))

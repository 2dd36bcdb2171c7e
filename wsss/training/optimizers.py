"""The config group ``optimizer``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsss.checks import check_least, check_positive, check_share

if TYPE_CHECKING:  # settings are read where PyTorch is not needed
    from torch.nn import Parameter
    from torch.optim import Optimizer

ParameterGroups = list[dict[str, Any]]


@dataclass(frozen=True)
class OptimizerConfig(ABC):
    """Settings of every optimizer."""

    name: str
    """Name of the option."""
    lr: float
    """Learning rate, before the factor of the schedule."""
    weight_decay: float
    """Weight decay of matrices; nothing else decays."""

    def __post_init__(self) -> None:
        check_positive("optimizer.lr", self.lr)
        check_least("optimizer.weight_decay", self.weight_decay, 0)

    @abstractmethod
    def build(self, groups: ParameterGroups) -> Optimizer:
        """The optimizer of parameter groups that have their own weight decay."""


@dataclass(frozen=True)
class BetasConfig(OptimizerConfig):
    """Settings that Adam and AdamW share."""

    betas: list[float]
    """Decay rates of the means of gradients and of their squares, in [0, 1)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"optimizer.betas is {self.betas}, it must be two numbers in [0, 1)")


@dataclass(frozen=True)
class AdamConfig(BetasConfig):
    """Adam with weight decay as an L2 term (Kingma & Ba, ICLR 2015)."""

    def build(self, groups: ParameterGroups) -> Optimizer:
        """PyTorch's Adam."""
        from torch.optim import Adam

        return Adam(groups, lr=self.lr, betas=(self.betas[0], self.betas[1]))


@dataclass(frozen=True)
class AdamWConfig(BetasConfig):
    """Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019)."""

    def build(self, groups: ParameterGroups) -> Optimizer:
        """PyTorch's AdamW."""
        from torch.optim import AdamW

        return AdamW(groups, lr=self.lr, betas=(self.betas[0], self.betas[1]))


@dataclass(frozen=True)
class SgdConfig(OptimizerConfig):
    """Stochastic gradient descent with momentum."""

    momentum: float
    """Factor on the previous update, in [0, 1)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share("optimizer.momentum", self.momentum, below_one=True)

    def build(self, groups: ParameterGroups) -> Optimizer:
        """PyTorch's SGD."""
        from torch.optim import SGD

        return SGD(groups, lr=self.lr, momentum=self.momentum)


def build_optimizer(
    config: OptimizerConfig, named_parameters: Iterable[tuple[str, Parameter]]
) -> Optimizer:
    """The optimizer; matrices decay, while vectors, tokens and positions do not."""
    decayed: list[Parameter] = []
    plain: list[Parameter] = []
    for name, parameter in named_parameters:
        is_embedding = name.endswith(("_token", "pos_embed"))
        (plain if parameter.ndim < 2 or is_embedding else decayed).append(parameter)
    return config.build(
        [
            {"params": decayed, "weight_decay": config.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
    )

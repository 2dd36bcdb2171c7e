"""The config group ``pruning``: where the gates of attention heads come from, and their training.

A new method of pruning is a class here or in a file beside this one, ``conf/pruning/<name>.yaml``
and a line in `wsss.config.schema.GROUPS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsss.checks import check_least, check_positive, check_share

if TYPE_CHECKING:  # settings are read where PyTorch is not needed
    from wsss.models.gates import HeadGates
    from wsss.models.vit import ClassTokenViT


@dataclass(frozen=True)
class PruningConfig(ABC):
    """How attention heads are pruned."""

    name: str
    """Name of the option."""

    @abstractmethod
    def gates(self, model: ClassTokenViT) -> HeadGates | None:
        """Gates for a classifier, before any training of gates; ``None`` to keep every head.

        Stage ``prune`` removes the heads that `HeadGates.hard` closes. All blocks of the model
        have the same number of heads.
        """

    @abstractmethod
    def with_classifier(self) -> GateTraining | None:
        """Settings of gates that stage ``train`` trains with the classifier; ``None``: no gates."""

    @abstractmethod
    def after_classifier(self) -> PruningAfter | None:
        """Settings of gates that stage ``prune`` trains; ``None``: it trains nothing."""


@dataclass(frozen=True)
class NoPruning(PruningConfig):
    """Every head is kept."""

    def gates(self, model: ClassTokenViT) -> None:
        """No gates."""

    def with_classifier(self) -> None:
        """Nothing is trained."""

    def after_classifier(self) -> None:
        """Nothing is trained."""


@dataclass(frozen=True)
class GateTraining(PruningConfig):
    """Hard-concrete gates that are trained with a penalty on open heads."""

    penalty: float
    """Price of an open head in units of the loss."""
    gate_lr: float
    """Learning rate of the gates; it follows the schedule of the other weights."""
    keep: float | None
    """Share of heads to keep, those with the highest gates; only heads beyond it are penalised.
    ``None``: the penalty alone determines the number."""

    def __post_init__(self) -> None:
        check_least("pruning.penalty", self.penalty, 0)
        check_positive("pruning.gate_lr", self.gate_lr)
        if self.keep is not None:
            check_share("pruning.keep", self.keep)

    def gates(self, model: ClassTokenViT) -> HeadGates:
        """Open gates."""
        from wsss.models.gates import HeadGates

        heads = sum(model.num_heads)
        keep = None if self.keep is None else round(self.keep * heads)
        return HeadGates(len(model.blocks), model.num_heads[0], keep=keep)


@dataclass(frozen=True)
class JointPruning(GateTraining):
    """Gates trained with the classifier from its first step.

    As in "Sparse Multimodal Vision Transformer for WSSS" (Hanna et al., CVPRW 2023).
    """

    def with_classifier(self) -> JointPruning:
        """These settings."""
        return self

    def after_classifier(self) -> None:
        """Nothing is trained after the classifier."""


@dataclass(frozen=True)
class PruningAfter(GateTraining):
    """Gates trained from the converged classifier (Voita et al., ACL 2019, section 6)."""

    max_epochs: int
    """Number of epochs in which gates and weights are trained together."""
    lr: float
    """Constant learning rate of all other weights."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least("pruning.max_epochs", self.max_epochs, 0)
        check_least("pruning.lr", self.lr, 0)

    def with_classifier(self) -> None:
        """The classifier is trained without gates."""

    def after_classifier(self) -> PruningAfter:
        """These settings."""
        return self

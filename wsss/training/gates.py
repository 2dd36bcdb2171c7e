"""How head gates are trained: after the classifier, or together with it."""

from __future__ import annotations

from dataclasses import dataclass

from wsss.checks import check_least, check_positive, check_share
from wsss.models.gates import HeadGates
from wsss.models.vit import ClassTokenViT


@dataclass(frozen=True)
class NoPruning:
    """Every head stays; the classifier passes through."""

    name: str


@dataclass(frozen=True)
class JointPruning:
    """Gates trained with the classifier from its first step.

    As in "Sparse Multimodal Vision Transformer for WSSS" (Hanna et al., CVPRW 2023). ``penalty``
    is the price of one open head in units of the loss, ``gate_lr`` the gates' own learning rate,
    which follows the schedule of the others. ``keep`` is the share of heads to keep: only heads
    beyond it cost, and in the end that many stay, those with the highest gates; ``None`` leaves
    the number to the penalty.
    """

    name: str
    penalty: float
    gate_lr: float
    keep: float | None

    def __post_init__(self) -> None:
        check_least("pruning.penalty", self.penalty, 0)
        check_positive("pruning.gate_lr", self.gate_lr)
        if self.keep is not None:
            check_share("pruning.keep", self.keep)

    def gates(self, model: ClassTokenViT) -> HeadGates:
        """Open gates for a model that has as many heads in every block."""
        heads = sum(model.num_heads)
        keep = None if self.keep is None else round(self.keep * heads)
        return HeadGates(len(model.blocks), model.num_heads[0], keep=keep)


@dataclass(frozen=True)
class HardConcretePruning(JointPruning):
    """Gates trained from the converged classifier (Voita et al., ACL 2019, section 6).

    For ``max_epochs``, together with the weights, whose learning rate is ``lr``.
    """

    max_epochs: int
    lr: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least("pruning.max_epochs", self.max_epochs, 0)
        check_least("pruning.lr", self.lr, 0)


PruningConfig = NoPruning | JointPruning | HardConcretePruning

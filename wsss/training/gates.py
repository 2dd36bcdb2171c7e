"""Training head gates from a converged classifier."""

from __future__ import annotations

from dataclasses import dataclass

from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from wsss.checks import check_least, check_positive
from wsss.masking import Masking
from wsss.models.gates import HeadGates
from wsss.models.vit import ClassTokenViT
from wsss.training.classifier import ClassifierTraining
from wsss.training.optimizers import AdamWConfig, build_optimizer
from wsss.training.samples import Batch
from wsss.training.schedulers import ConstantConfig


@dataclass(frozen=True)
class NoPruning:
    """Every head stays; the classifier passes through."""

    name: str


@dataclass(frozen=True)
class HardConcretePruning:
    """Gates trained with an L0 penalty, together with the weights at a low rate.

    ``penalty`` is the price of one open head in units of the loss, ``gate_lr`` the gates' own
    learning rate, ``lr`` that of all other weights.
    """

    name: str
    max_epochs: int
    penalty: float
    gate_lr: float
    lr: float

    def __post_init__(self) -> None:
        check_least("pruning.max_epochs", self.max_epochs, 0)
        check_least("pruning.penalty", self.penalty, 0)
        check_positive("pruning.gate_lr", self.gate_lr)
        check_least("pruning.lr", self.lr, 0)


PruningConfig = NoPruning | HardConcretePruning


class GateTraining(ClassifierTraining):
    """Voita et al. (ACL 2019), section 6: fine-tune under noisy gates and an L0 penalty.

    The model must carry `HeadGates`; every other part of the training is the classifier's.
    """

    purpose = "prune"

    def __init__(
        self,
        model: ClassTokenViT,
        masking: Masking,
        pruning: HardConcretePruning,
        classes: list[str],
        multi_label: bool,
        seed: int,
        absent: Tensor | None = None,
    ) -> None:
        weights = AdamWConfig("adamw", lr=pruning.lr, weight_decay=0.0, betas=[0.9, 0.999])
        super().__init__(
            model,
            masking,
            weights,
            ConstantConfig("constant"),
            pruning.max_epochs,
            classes,
            multi_label,
            seed,
            absent,
        )
        self._pruning = pruning

    @property
    def gates(self) -> HeadGates:
        """The gates in training."""
        assert self.model.gates is not None
        return self.model.gates

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Classification loss plus the price of the heads expected to be open."""
        loss = super().training_step(batch, batch_index)
        expected_open = self.gates.penalty()
        size = len(batch["labels"])
        kept = self.gates.hard().sum()
        self.log("heads_kept", kept, on_step=False, on_epoch=True, batch_size=size)
        return loss + self._pruning.penalty * expected_open

    def _scores(self, images: Tensor, keep: Tensor, batch_index: int) -> Tensor:
        noisy = self.gates.sample(self._generator("gates", batch_index))
        logits: Tensor = self.model(images, token_keep=keep, place=self.masking.place, gates=noisy)
        return logits

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Gates learn at their own rate and never decay."""
        weights = [(n, p) for n, p in self.model.named_parameters() if not n.startswith("gates.")]
        optimizer = build_optimizer(self._optimizer, weights)
        optimizer.add_param_group(
            {"params": [self.gates.log_a], "lr": self._pruning.gate_lr, "weight_decay": 0.0}
        )
        return optimizer

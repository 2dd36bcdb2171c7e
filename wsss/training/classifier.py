"""Training the class-token ViT, and gates for its heads, on image-level labels."""

from __future__ import annotations

import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from wsss.evaluation.classification import classification_metrics
from wsss.models.hidden import HiddenTokens
from wsss.models.outputs import Scores
from wsss.models.token_classifier import TokenClassifier
from wsss.models.vit import ClassTokenViT
from wsss.randomness import keyed_generator
from wsss.training.batches import RankBatches, share_of
from wsss.training.epoch_means import MeasuredModule
from wsss.training.loss_config import LossConfig
from wsss.training.losses import class_probabilities, classification_loss, training_loss
from wsss.training.masking import Masking
from wsss.training.optimizers import OptimizerConfig, build_optimizer
from wsss.training.pruning import GateTraining
from wsss.training.samples import Batch
from wsss.training.schedulers import SchedulerConfig, build_scheduler


class ClassifierTraining(MeasuredModule):
    """Class-token masking and the losses on image labels (ICCV 2025), validated by mAP.

    A model with gates is trained under noisy gates and a penalty on open heads (Voita et al., ACL
    2019, section 6).

    Args:
        model: the classifier, or its patch head alone; batches then hold patch tokens.
        masking: the class tokens to hide.
        loss: weights of the terms beside the classification loss.
        optimizer: see `build_optimizer`.
        scheduler: see `build_scheduler`.
        max_epochs: number of epochs, which the masking's schedule refers to.
        classes: names of the classes.
        multi_label: several classes per image, or exactly one.
        seed: seed of the experiment.
        absent: share of training images without each class ``[C]``, see
            `wsss.training.masking.absent_shares`.
        gate_training: penalty and learning rate of the gates of a model that has gates.
        purpose: key of the random numbers, so that two trainings of one experiment draw different
            ones.
        batches: the training batches, if several processes share them.

    Raises:
        ValueError: gates without their settings, or settings without gates.
    """

    def __init__(
        self,
        model: ClassTokenViT | TokenClassifier,
        *,
        masking: Masking,
        loss: LossConfig,
        optimizer: OptimizerConfig,
        scheduler: SchedulerConfig,
        max_epochs: int,
        classes: list[str],
        multi_label: bool,
        seed: int,
        absent: Tensor,
        gate_training: GateTraining | None = None,
        purpose: str = "train",
        batches: RankBatches | None = None,
    ) -> None:
        super().__init__()
        if (model.gates is None) != (gate_training is None):
            raise ValueError("a model with gates needs gate_training, one without gates must not")
        self.model, self.masking, self._loss = model, masking, loss
        self._classes, self._absent = classes, absent
        self._gate_training, self._purpose = gate_training, purpose
        self._optimizer, self._scheduler = optimizer, scheduler
        self._max_epochs, self._multi_label, self._seed = max_epochs, multi_label, seed
        self._batches = batches
        self._validated: list[tuple[Tensor, Tensor]] = []

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Loss of one batch, with class tokens hidden at this epoch's rate."""
        rate = self.masking.rate(self.current_epoch / max(self._max_epochs - 1, 1))
        share = share_of(self._batches, batch_index, len(batch["labels"]))
        hidden = self.masking.hide(
            batch["labels"],
            rate,
            absent=self._absent,
            generator=self._generator("masking", batch_index),
            rows=(share.first, share.batch),
        )
        scores = self._score(batch["image"], hidden, batch_index)
        loss = training_loss(scores, batch["labels"], self._multi_label, self._loss)
        measured: dict[str, Tensor | float] = {"train/loss": loss, "dp_rate": rate}
        total = share.weight * loss
        if self.model.gates is not None and self._gate_training is not None:
            measured["heads_kept"] = self.model.gates.hard().sum()
            total = total + self._gate_training.penalty * self.model.gates.penalty()
        self.means.add(share.images, measured)
        return total

    def _score(self, images: Tensor, hidden: HiddenTokens | None, batch_index: int) -> Scores:
        gates = None
        if self.model.gates is not None:
            gates = self.model.gates.sample(self._generator("gates", batch_index))
        return self.model.score(
            images, hidden=hidden, gates=gates, return_attention=self._loss.diversity > 0
        )

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Scores without masking, collected for the epoch's metrics."""
        logits = self.model(batch["image"]).float()
        loss = classification_loss(logits, batch["labels"], self._multi_label)
        self.log("val/loss", loss, batch_size=len(logits))
        probabilities = class_probabilities(logits, self._multi_label)
        self._validated.append((probabilities.cpu(), batch["labels"].cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log mean average precision over the validation split."""
        probabilities, labels = (torch.cat(parts) for parts in zip(*self._validated, strict=True))
        self._validated.clear()
        if not probabilities.isfinite().all():  # diverged; the epoch's loss will be refused
            return
        metrics = classification_metrics(
            probabilities.numpy(), labels.numpy(), self._classes, multi_label=self._multi_label
        )
        self.log("val/mAP", metrics["mAP"])

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Optimizer, and a schedule that advances with every optimizer step.

        Gates have a separate learning rate and do not decay.
        """
        weights = [
            (name, parameter)
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad and not name.startswith("gates.")
        ]
        optimizer = build_optimizer(self._optimizer, weights)
        if self.model.gates is not None and self._gate_training is not None:
            optimizer.add_param_group(
                {
                    "params": [self.model.gates.log_a],
                    "lr": self._gate_training.gate_lr,
                    "weight_decay": 0.0,
                }
            )
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = build_scheduler(self._scheduler, optimizer, steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _generator(self, what: str, batch_index: int) -> torch.Generator:
        purpose = f"{self._purpose}/{what}"
        return keyed_generator(self._seed, purpose, self.current_epoch, batch_index)

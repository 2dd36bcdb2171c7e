"""Training the class-token ViT, and gates for its heads, on image-level labels."""

from __future__ import annotations

import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from wsss.evaluation.classification import classification_metrics
from wsss.models.outputs import Scores
from wsss.models.vit import ClassTokenViT
from wsss.randomness import keyed_generator
from wsss.training.batches import RankBatches, Share, share_of
from wsss.training.epoch_means import MeasuredModule
from wsss.training.gates import JointPruning
from wsss.training.losses import LossConfig, class_probabilities, classification_loss, training_loss
from wsss.training.masking import Masking, NoMasking, class_rates, draw_token_keep
from wsss.training.optimizers import OptimizerConfig, build_optimizer
from wsss.training.samples import Batch
from wsss.training.schedulers import SchedulerConfig, build_scheduler


class ClassifierTraining(MeasuredModule):
    """Class-token masking and the losses on image labels (ICCV 2025), validated by mAP.

    A model with gates is trained under noisy ones and pays for open heads (Voita et al., ACL 2019,
    section 6).

    Args:
        model: the classifier.
        masking: which class tokens to hide.
        loss: terms beside the classification loss.
        optimizer: see `build_optimizer`.
        scheduler: see `build_scheduler`.
        max_epochs: length of the run, which the masking's schedule refers to.
        classes: names of the classes.
        multi_label: property of the dataset.
        seed: the experiment's.
        absent: share of training images without each class ``[C]``, see
            `wsss.training.masking.absent_shares`; a masking with ``balance=frequency`` needs it.
        pruning: price and learning rate of gates; a model with gates needs it.
        purpose: keys the random numbers, so that two trainings in a chain draw others.
        batches: the training batches, where several processes share them.

    Raises:
        ValueError: such a masking or model without it.
    """

    def __init__(
        self,
        model: ClassTokenViT,
        masking: Masking,
        loss: LossConfig,
        optimizer: OptimizerConfig,
        scheduler: SchedulerConfig,
        max_epochs: int,
        classes: list[str],
        multi_label: bool,
        seed: int,
        absent: Tensor | None = None,
        pruning: JointPruning | None = None,
        purpose: str = "train",
        batches: RankBatches | None = None,
    ) -> None:
        super().__init__()
        if masking.balance == "frequency" and absent is None:
            raise ValueError("masking.balance=frequency needs the shares of absent classes")
        if (model.gates is None) != (pruning is None):
            raise ValueError("gates and pruning settings go together")
        self._absent = absent if masking.balance == "frequency" else None
        self._classes = classes
        self.model, self.masking, self._loss = model, masking, loss
        self._pruning, self._purpose = pruning, purpose
        self._optimizer, self._scheduler = optimizer, scheduler
        self._max_epochs, self._multi_label, self._seed = max_epochs, multi_label, seed
        self._batches = batches
        self._validated: list[tuple[Tensor, Tensor]] = []

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Loss of one batch, class tokens hidden at this epoch's rate."""
        rate = self.masking.rate(self.current_epoch / max(self._max_epochs - 1, 1))
        share = share_of(self._batches, batch_index, len(batch["labels"]))
        keep = self._draw_keep(batch["labels"], rate, batch_index, share)
        scores = self._score(batch["image"], keep, batch_index)
        loss = training_loss(scores, batch["labels"], self._multi_label, self._loss)
        measured: dict[str, Tensor | float] = {"train/loss": loss, "dp_rate": rate}
        total = share.weight * loss
        if self.model.gates is not None and self._pruning is not None:
            measured["heads_kept"] = self.model.gates.hard().sum()
            total = total + self._pruning.penalty * self.model.gates.penalty()
        self.means.add(share.images, measured)
        return total

    def _draw_keep(self, labels: Tensor, rate: float, batch_index: int, share: Share) -> Tensor:
        generator = self._generator("masking", batch_index)
        rows = (share.first, share.batch)
        if self._absent is None:
            return draw_token_keep(labels, rate, generator, rows)
        return draw_token_keep(labels, class_rates(rate, self._absent.to(labels)), generator, rows)

    def _score(self, images: Tensor, keep: Tensor, batch_index: int) -> Scores:
        gates = None
        if self.model.gates is not None:
            gates = self.model.gates.sample(self._generator("gates", batch_index))
        # Without masking nothing is passed on: a shared class token is no class's to hide.
        return self.model.score(
            images,
            token_keep=None if isinstance(self.masking, NoMasking) else keep,
            place=self.masking.place,
            gates=gates,
            return_attention=self._loss.diversity > 0,
        )

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Scores without masking, kept for the epoch's metrics."""
        logits = self.model(batch["image"]).float()
        loss = classification_loss(logits, batch["labels"], self._multi_label)
        self.log("val/loss", loss, batch_size=len(logits))
        probabilities = class_probabilities(logits, self._multi_label)
        self._validated.append((probabilities.cpu(), batch["labels"].cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log mean average precision over the validation split."""
        probabilities, labels = (torch.cat(parts) for parts in zip(*self._validated, strict=True))
        self._validated.clear()
        metrics = classification_metrics(
            probabilities.numpy(), labels.numpy(), self._classes, multi_label=self._multi_label
        )
        self.log("val/mAP", metrics["mAP"])

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Optimizer, and the schedule stepped after every optimizer step.

        Gates have a learning rate of their own and never decay.
        """
        weights = [(n, p) for n, p in self.model.named_parameters() if not n.startswith("gates.")]
        optimizer = build_optimizer(self._optimizer, weights)
        if self.model.gates is not None and self._pruning is not None:
            optimizer.add_param_group(
                {
                    "params": [self.model.gates.log_a],
                    "lr": self._pruning.gate_lr,
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

"""Training the class-token ViT on image-level labels."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from wsss.masking import Masking, class_rates, draw_token_keep
from wsss.metrics import classification_metrics
from wsss.models.vit import ClassTokenViT
from wsss.randomness import keyed_generator
from wsss.training.optimizers import OptimizerConfig, build_optimizer
from wsss.training.samples import Batch
from wsss.training.schedulers import SchedulerConfig, build_scheduler


def classification_loss(logits: Tensor, labels: Tensor, multi_label: bool) -> Tensor:
    """Binary cross-entropy for several labels an image, cross-entropy for exactly one.

    ``logits`` and ``labels`` are ``[B, C]``; the labels hold 0 and 1.
    """
    if multi_label:
        return F.binary_cross_entropy_with_logits(logits, labels)
    return F.cross_entropy(logits, labels.argmax(dim=1))


def class_probabilities(logits: Tensor, multi_label: bool) -> Tensor:
    """Probabilities ``[B, C]``: sigmoid for several labels an image, softmax for exactly one."""
    return logits.sigmoid() if multi_label else logits.softmax(dim=1)


class ClassifierTraining(pl.LightningModule):
    """Class-token masking and the classification loss (ICCV 2025), validated by mAP.

    Args:
        model: the classifier.
        masking: which class tokens to hide.
        optimizer: see `build_optimizer`.
        scheduler: see `build_scheduler`.
        max_epochs: length of the run, which the masking's schedule refers to.
        classes: names of the classes.
        multi_label: property of the dataset.
        seed: the experiment's.
        absent: share of training images without each class ``[C]``, see
            `wsss.masking.absent_shares`; a masking with ``balance=frequency`` needs it.

    Raises:
        ValueError: such a masking without it.
    """

    purpose = "train"

    def __init__(
        self,
        model: ClassTokenViT,
        masking: Masking,
        optimizer: OptimizerConfig,
        scheduler: SchedulerConfig,
        max_epochs: int,
        classes: list[str],
        multi_label: bool,
        seed: int,
        absent: Tensor | None = None,
    ) -> None:
        super().__init__()
        if masking.balance == "frequency" and absent is None:
            raise ValueError("masking.balance=frequency needs the shares of absent classes")
        self._absent = absent if masking.balance == "frequency" else None
        self._classes = classes
        self.model, self.masking = model, masking
        self._optimizer, self._scheduler = optimizer, scheduler
        self._max_epochs, self._multi_label, self._seed = max_epochs, multi_label, seed
        self._validated: list[tuple[Tensor, Tensor]] = []

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Loss of one batch, class tokens hidden at this epoch's rate."""
        rate = self.masking.rate(self.current_epoch / max(self._max_epochs - 1, 1))
        keep = self._draw_keep(batch["labels"], rate, batch_index)
        logits = self._scores(batch["image"], keep, batch_index)
        loss = classification_loss(logits.float(), batch["labels"], self._multi_label)
        size = len(batch["labels"])
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=size)
        self.log("dp_rate", rate, on_step=False, on_epoch=True, batch_size=size)
        return loss

    def _draw_keep(self, labels: Tensor, rate: float, batch_index: int) -> Tensor:
        generator = self._generator("masking", batch_index)
        if self._absent is None:
            return draw_token_keep(labels, rate, generator)
        return draw_token_keep(labels, class_rates(rate, self._absent.to(labels)), generator)

    def _scores(self, images: Tensor, keep: Tensor, batch_index: int) -> Tensor:
        logits: Tensor = self.model(images, token_keep=keep, place=self.masking.place)
        return logits

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
        """Optimizer, and the schedule stepped after every optimizer step."""
        optimizer = build_optimizer(self._optimizer, self.model.named_parameters())
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = build_scheduler(self._scheduler, optimizer, steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _generator(self, what: str, batch_index: int) -> torch.Generator:
        purpose = f"{self.purpose}/{what}"
        return keyed_generator(self._seed, purpose, self.current_epoch, batch_index)

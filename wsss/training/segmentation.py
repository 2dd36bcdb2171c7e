"""Training a segmenter on given pixel labels."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from wsss.data.types import IGNORE_INDEX
from wsss.models.segmenter import SegmenterConfig
from wsss.training.optimizers import AdamWConfig, build_optimizer
from wsss.training.samples import Batch
from wsss.training.schedulers import CosineConfig, build_scheduler

_SCHEDULE = CosineConfig("cosine", warmup=0.1, final=0.0)


def segmentation_loss(scores: Tensor, target: Tensor, loss: str) -> Tensor:
    """Loss of scores ``[B, C, H, W]`` against class indices ``[B, H, W]``.

    ``dice_ce`` adds MONAI's soft Dice to the cross-entropy. Ignored pixels count in neither.
    """
    counted = target != IGNORE_INDEX
    if not counted.any():
        return scores.sum() * 0.0  # the mean over no pixel would be NaN and ruin the weights
    cross_entropy = F.cross_entropy(scores, target, ignore_index=IGNORE_INDEX)
    if loss == "cross_entropy":
        return cross_entropy
    from monai.losses.dice import DiceLoss

    shown = counted.unsqueeze(1).float()
    known = F.one_hot(torch.where(counted, target, 0), scores.shape[1]).movedim(-1, 1)
    overlap: Tensor = DiceLoss()(scores.softmax(dim=1) * shown, known * shown)
    return cross_entropy + overlap


class SegmenterTraining(pl.LightningModule):
    """Supervised training; whether the labels are pseudo-masks or true ones is the caller's."""

    def __init__(self, network: nn.Module, config: SegmenterConfig) -> None:
        super().__init__()
        self.network, self._config = network, config

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Loss of one batch."""
        loss = self._loss(batch)
        size = len(batch["image"])
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=size)
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Loss against the same kind of labels on the validation split."""
        self.log("val/loss", self._loss(batch), batch_size=len(batch["image"]))

    def _loss(self, batch: Batch) -> Tensor:
        scores = self.network(batch["image"]).float()
        return segmentation_loss(scores, batch["mask"], self._config.loss)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW on a cosine schedule."""
        config = self._config
        adamw = AdamWConfig("adamw", config.lr, config.weight_decay, betas=[0.9, 0.999])
        optimizer = build_optimizer(adamw, self.network.named_parameters())
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = build_scheduler(_SCHEDULE, optimizer, steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

"""Training a segmenter on given pixel labels."""

from __future__ import annotations

from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from wsss.models.segmenter_config import SegmenterConfig
from wsss.training.batches import RankBatches, share_of
from wsss.training.epoch_means import MeasuredModule
from wsss.training.optimizers import AdamWConfig, build_optimizer
from wsss.training.pixel_losses import segmentation_loss
from wsss.training.samples import Batch
from wsss.training.schedulers import CosineConfig, build_scheduler

_SCHEDULE = CosineConfig("cosine", warmup=0.1, final=0.0)


class SegmenterTraining(MeasuredModule):
    """Supervised training on pixel labels, either pseudo-masks or true masks.

    Args:
        network: images ``[B, bands, H, W]`` to scores ``[B, C, H, W]``.
        config: loss and optimizer.
        batches: the training batches, if several processes share them.
    """

    def __init__(
        self, network: nn.Module, config: SegmenterConfig, batches: RankBatches | None = None
    ) -> None:
        super().__init__()
        self.network, self._config, self._batches = network, config, batches

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Loss of one batch."""
        loss = self._loss(batch)
        share = share_of(self._batches, batch_index, len(batch["image"]))
        self.means.add(share.images, {"train/loss": loss})
        return share.weight * loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Loss on the validation split, against the same kind of labels as in training."""
        self.log("val/loss", self._loss(batch), batch_size=len(batch["image"]))

    def _loss(self, batch: Batch) -> Tensor:
        scores = self.network(batch["image"]).float()
        return segmentation_loss(scores, batch["mask"], self._config)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW on a cosine schedule."""
        config = self._config
        adamw = AdamWConfig("adamw", config.lr, config.weight_decay, betas=[0.9, 0.999])
        weights = [(n, p) for n, p in self.network.named_parameters() if p.requires_grad]
        optimizer = build_optimizer(adamw, weights)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = build_scheduler(_SCHEDULE, optimizer, steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

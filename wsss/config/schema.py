"""The experiment's config as typed objects, checked against what the YAML files give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wsss.config.launch import ClusterLaunch, LaunchConfig
from wsss.data.open import KINDS
from wsss.data.settings import DatasetSettings
from wsss.evaluation.judging import EvaluationConfig
from wsss.maps.config import AttentionConfig
from wsss.models.build import ModelConfig
from wsss.models.segmenter_config import SegFormerConfig, SegmenterConfig, UNetConfig
from wsss.pseudo_masks.config import PseudoMaskConfig
from wsss.tracking import TrackingConfig
from wsss.training.gates import HardConcretePruning, JointPruning, NoPruning, PruningConfig
from wsss.training.losses import LossConfig
from wsss.training.masking import Masking, NoMasking, RandomMasking, ScheduledMasking
from wsss.training.optimizers import AdamConfig, AdamWConfig, OptimizerConfig, SgdConfig
from wsss.training.schedulers import ConstantConfig, CosineConfig, SchedulerConfig
from wsss.training.trainer_config import TrainerConfig

#: The class behind each group; where a group has several, its ``kind`` or ``name`` chooses.
GROUPS: Mapping[str, type | Mapping[str, type]] = {
    "dataset": KINDS,
    "model": ModelConfig,
    "masking": {"none": NoMasking, "random": RandomMasking, "scheduled": ScheduledMasking},
    "loss": LossConfig,
    "pruning": {"none": NoPruning, "joint": JointPruning, "hard_concrete": HardConcretePruning},
    "optimizer": {"adamw": AdamWConfig, "adam": AdamConfig, "sgd": SgdConfig},
    "scheduler": {"constant": ConstantConfig, "cosine": CosineConfig},
    "trainer": TrainerConfig,
    "attention": AttentionConfig,
    "pseudo_mask": PseudoMaskConfig,
    "segmenter": {"unet": UNetConfig, "segformer": SegFormerConfig},
    "evaluation": EvaluationConfig,
    "launch": {"local": LaunchConfig, "slurm": ClusterLaunch, "debug": ClusterLaunch},
    "tracking": TrackingConfig,
}


@dataclass(frozen=True)
class PathsConfig:
    """Where a run writes."""

    outputs: str


@dataclass(frozen=True)
class Config:
    """One experiment."""

    stage: list[str]
    seed: int
    objective: str
    dataset: DatasetSettings
    model: ModelConfig
    masking: Masking
    loss: LossConfig
    pruning: PruningConfig
    optimizer: OptimizerConfig
    scheduler: SchedulerConfig
    trainer: TrainerConfig
    attention: AttentionConfig
    pseudo_mask: PseudoMaskConfig
    segmenter: SegmenterConfig
    evaluation: EvaluationConfig
    launch: LaunchConfig
    tracking: TrackingConfig
    paths: PathsConfig

    @property
    def outputs(self) -> Path:
        """Absolute folder for everything that a run writes."""
        return Path(self.paths.outputs).expanduser().resolve()

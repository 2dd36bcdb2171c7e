"""The experiment's config as typed objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wsss.checks import check_folder
from wsss.config.launch import ClusterLaunch, LaunchConfig, LocalLaunch
from wsss.data.registry import DATASETS
from wsss.data.settings import DatasetSettings
from wsss.evaluation.judging import EvaluationConfig
from wsss.maps.config import AttentionConfig
from wsss.models.build import ModelConfig
from wsss.models.segmenter_config import (
    EncoderSegmenterConfig,
    SegFormerConfig,
    SegmenterConfig,
    UNetConfig,
)
from wsss.pseudo_masks.config import PseudoMaskConfig
from wsss.tracking import TrackingConfig
from wsss.training.loss_config import LossConfig
from wsss.training.masking import Masking, NoMasking, RandomMasking, ScheduledMasking
from wsss.training.optimizers import AdamConfig, AdamWConfig, OptimizerConfig, SgdConfig
from wsss.training.pruning import JointPruning, NoPruning, PruningAfter, PruningConfig
from wsss.training.schedulers import ConstantConfig, CosineConfig, SchedulerConfig
from wsss.training.self_labelling_config import SelfLabelling
from wsss.training.trainer_config import TrainerConfig

GROUPS: Mapping[str, type | Mapping[str, type]] = {
    "dataset": {kind: dataset.config_class for kind, dataset in DATASETS.items()},
    "model": ModelConfig,
    "masking": {
        "none": NoMasking,
        "random": RandomMasking,
        "patches": RandomMasking,
        "scheduled": ScheduledMasking,
    },
    "loss": LossConfig,
    "pruning": {
        "none": NoPruning,
        "joint": JointPruning,
        "after": PruningAfter,
    },
    "optimizer": {"adamw": AdamWConfig, "adam": AdamConfig, "sgd": SgdConfig},
    "scheduler": {"constant": ConstantConfig, "cosine": CosineConfig},
    "trainer": TrainerConfig,
    "self_labelling": SelfLabelling,
    "attention": AttentionConfig,
    "pseudo_mask": PseudoMaskConfig,
    "segmenter": {
        "unet": UNetConfig,
        "segformer": SegFormerConfig,
        "encoder": EncoderSegmenterConfig,
    },
    "evaluation": EvaluationConfig,
    "launch": {"local": LocalLaunch, "slurm": ClusterLaunch, "debug": ClusterLaunch},
    "tracking": TrackingConfig,
}
"""The class behind each group; among several, the group's key ``kind`` or ``name`` selects one."""


@dataclass(frozen=True)
class PathsConfig:
    """Where a run writes."""

    outputs: str
    """Folder for everything; ``~`` is expanded."""

    def __post_init__(self) -> None:
        check_folder("paths.outputs", self.outputs)
        try:
            Path(self.outputs).expanduser()
        except RuntimeError as error:  # no such user
            raise ValueError(f"paths.outputs is '{self.outputs}': {error}") from error


@dataclass(frozen=True)
class Config:
    """One experiment: a few keys, and a checked object for each group."""

    stage: list[str]
    """Stages to run, see `wsss.engine.registry`; ``all`` for the chain."""
    rebuild: list[str]
    """Stages to make anew even if they are up to date; ``all`` for all that run."""
    seed: int
    """Seed of all random numbers."""
    objective: str
    """What a sweeper maximises, see `wsss.engine.objective`."""
    dataset: DatasetSettings
    model: ModelConfig
    masking: Masking
    loss: LossConfig
    pruning: PruningConfig
    optimizer: OptimizerConfig
    scheduler: SchedulerConfig
    trainer: TrainerConfig
    self_labelling: SelfLabelling
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

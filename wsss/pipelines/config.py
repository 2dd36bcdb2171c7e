"""The experiment's config as typed objects, checked against what the YAML files give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from wsss.attention import AttentionConfig, check_maps
from wsss.data import KINDS, DatasetSettings
from wsss.errors import UserError
from wsss.evaluation import EvaluationConfig
from wsss.launch import ClusterLaunch, LaunchConfig
from wsss.masking import Masking, NoMasking, RandomMasking, ScheduledMasking
from wsss.models.build import ModelConfig
from wsss.models.segmenter_config import SegFormerConfig, SegmenterConfig, UNetConfig
from wsss.pipelines.suggest import suggestion
from wsss.pseudo_masks import PseudoMaskConfig
from wsss.tracking import TrackingConfig
from wsss.training.gates import HardConcretePruning, JointPruning, NoPruning, PruningConfig
from wsss.training.losses import LossConfig
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
OBJECTIVES = ("mAP", "pseudo_mask")
T = TypeVar("T")


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


def parse_config(composed: DictConfig) -> Config:
    """Check a composed config and turn it into objects.

    Raises:
        UserError: names the key that is missing, unknown, of the wrong type or out of range.
    """
    try:
        plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key} is not set; add {error.full_key}=<value>") from error
    except OmegaConfBaseException as error:
        raise UserError(" ".join(str(error).split())) from error
    assert isinstance(plain, dict)
    stage = plain["stage"]
    groups = {name: _group(name, plain[name]) for name in GROUPS}
    check_maps(groups["attention"], groups["model"])  # before hours of training
    _check_masking(groups["masking"], groups["model"])
    objective = str(plain["objective"])
    _check_objective(objective, groups["evaluation"])
    return Config(
        stage=[str(s) for s in stage] if isinstance(stage, list) else [str(stage)],
        seed=_integer("seed", plain["seed"]),
        objective=objective,
        paths=_checked(PathsConfig, plain["paths"], "paths"),
        **groups,
    )


def _check_masking(masking: Masking, model: ModelConfig) -> None:
    """Masking hides the tokens of classes, so there must be some, and scores made from them."""
    if isinstance(masking, NoMasking):
        return
    if model.class_tokens == "shared":
        raise UserError(
            f"masking={masking.name} needs model.class_tokens=per_class; set masking=none"
        )
    if model.token_head == "none":
        raise UserError(f"masking={masking.name} needs model.token_head; set masking=none")


def _check_objective(objective: str, evaluation: EvaluationConfig) -> None:
    """What a search maximises must not be what is reported."""
    if objective not in OBJECTIVES:
        raise UserError(f"objective is '{objective}'; valid: {', '.join(OBJECTIVES)}")
    if objective == "pseudo_mask" and evaluation.split == "test":
        raise UserError(
            "objective=pseudo_mask would choose by the split that is reported; "
            "set evaluation.split=val, or objective=mAP, which needs no pixel masks"
        )


def _group(group: str, content: Any) -> Any:
    if not isinstance(content, dict):
        raise UserError(f"{group} is '{content}', it must name an option of its group")
    choices = GROUPS[group]
    if isinstance(choices, type):
        return _checked(choices, content, group)
    selector = "kind" if "kind" in content else "name"
    chosen = str(content.get(selector))
    if chosen not in choices:
        raise UserError(f"{group}.{selector} is '{chosen}'; valid: {', '.join(choices)}")
    rest = {k: v for k, v in content.items() if k != "kind"}
    return _checked(choices[chosen], rest, group)


def _checked(kind: type[T], content: Mapping[str, Any], group: str) -> T:
    """An instance of a config class, every key known and of the declared type."""
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in content:
        if key not in known:
            raise UserError(f"unknown key '{group}.{key}'{suggestion(key, known)}")
    parts = {name: part for name, part in get_type_hints(kind).items() if is_dataclass(part)}
    inside = {
        name: _checked(part, content[name], f"{group}.{name}")
        for name, part in parts.items()
        if isinstance(part, type) and isinstance(content.get(name), Mapping)
    }
    outside = [name for name in known if name not in inside]
    try:
        given = {key: value for key, value in content.items() if key in outside}
        merged = OmegaConf.merge(OmegaConf.structured(kind), given)
        assert isinstance(merged, DictConfig)
        chosen = OmegaConf.masked_copy(merged, outside)
        values = OmegaConf.to_container(chosen, throw_on_missing=True)
        assert isinstance(values, dict)
        return kind(**{str(key): value for key, value in values.items()}, **inside)
    except OmegaConfBaseException as error:
        raise UserError(f"{group}.{error.full_key}: {str(error).splitlines()[0]}") from error
    except ValueError as error:
        raise UserError(str(error)) from error


def _integer(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{key} is '{value}', it must be a whole number")
    return value

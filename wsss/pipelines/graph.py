"""The chain of stages, and what each one's artifact is under a config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wsss.data.base import Dataset
from wsss.errors import UserError
from wsss.pipelines import ceiling, evaluate, extract, generate, prune, segment, train
from wsss.pipelines.artifacts import Artifact, fingerprint
from wsss.pipelines.config import Config
from wsss.pipelines.stage import Stage
from wsss.pipelines.suggest import suggestion

CHAIN: tuple[Stage, ...] = (
    train.STAGE,
    prune.STAGE,
    extract.STAGE,
    generate.STAGE,
    segment.STAGE,
    evaluate.STAGE,
)
STAGES = {stage.name: stage for stage in (*CHAIN, ceiling.STAGE)}


def choose_stages(names: Sequence[str]) -> list[Stage]:
    """The stages named, in the chain's order; ``all`` stands for the chain."""
    valid = [*STAGES, "all"]
    for name in names:
        if name not in valid:
            raise UserError(f"unknown stage '{name}'{suggestion(name, valid)}")
    if not names:
        raise UserError(f"stage names none; valid: {', '.join(valid)}")
    return [
        stage
        for stage in STAGES.values()
        if stage.name in names or ("all" in names and stage in CHAIN)
    ]


@dataclass
class Graph:
    """The artifact of each stage under one config, whether it exists or not."""

    config: Config
    dataset: Dataset
    _located: dict[str, Artifact] = field(default_factory=dict)

    def artifact(self, stage: Stage) -> Artifact:
        """The artifact of a stage."""
        if stage.name not in self._located:
            self._located[stage.name] = Artifact(
                self.config.outputs / "artifacts",
                stage.name,
                stage.version,
                stage.inputs(self.config, self.dataset),
                {name: read.fingerprint for name, read in self.upstream(stage).items()},
            )
        return self._located[stage.name]

    def upstream(self, stage: Stage) -> dict[str, Artifact]:
        """The artifacts that a stage reads."""
        return {name: self.artifact(STAGES[name]) for name in stage.upstream}

    def job_key(self, stage: Stage) -> str:
        """Name of what a stage would make, known without reading a pixel mask."""
        if stage.plan is None:
            return f"{stage.name}_{self.artifact(stage).fingerprint}"
        upstream = {name: read.fingerprint for name, read in self.upstream(stage).items()}
        plan = stage.plan(self.config, self.dataset)
        return f"{stage.name}_{fingerprint([stage.version, plan, upstream])}"

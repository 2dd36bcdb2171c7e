"""The chain of stages, and what each one's artifact is under a config."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.engine.artifacts import Artifact
from wsss.engine.registry import find_stage
from wsss.engine.stage import Stage
from wsss.runs.identity import fingerprint


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
        return {name: self.artifact(find_stage(name)) for name in stage.upstream}

    def job_key(self, stage: Stage) -> str:
        """Name of what a stage would make, known without reading a pixel mask."""
        if stage.plan is None:
            return f"{stage.name}_{self.artifact(stage).fingerprint}"
        upstream = {name: read.fingerprint for name, read in self.upstream(stage).items()}
        plan = stage.plan(self.config, self.dataset)
        return f"{stage.name}_{fingerprint([stage.version, plan, upstream])}"

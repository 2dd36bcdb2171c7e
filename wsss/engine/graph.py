"""The artifact of each stage under one config."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.engine.artifacts import Artifact
from wsss.engine.registry import find_stage
from wsss.engine.stage import Stage
from wsss.runs.identity import fingerprint
from wsss.runs.layout import ARTIFACTS, dataset_memory


@dataclass
class Graph:
    """Locates the artifacts of an experiment; they need not exist."""

    config: Config
    dataset: Dataset
    _located: dict[str, Artifact] = field(default_factory=dict)
    _intact: dict[str, dict[str, Any]] = field(default_factory=dict)

    def artifact(self, stage: Stage) -> Artifact:
        """The artifact of a stage."""
        if stage.name not in self._located:
            self._located[stage.name] = Artifact(
                self.config.outputs / ARTIFACTS,
                stage.name,
                stage.version,
                stage.inputs(self.config, self.dataset) | self._threads,
                {name: read.fingerprint for name, read in self.upstream(stage).items()},
                dataset_memory(self.config),
            )
        return self._located[stage.name]

    def manifest(self, stage: Stage) -> dict[str, Any] | None:
        """The manifest of a stage's artifact, see `Artifact.manifest`.

        The files of an intact artifact are compared with their digests once, until `forget`.
        """
        if stage.name not in self._intact:
            found = self.artifact(stage).manifest()
            if found is None:
                return None
            self._intact[stage.name] = found
        return self._intact[stage.name]

    def forget(self) -> None:
        """Compare files anew from here on: artifacts have changed, here or in another process.

        To be called after whatever takes long or changes an artifact.
        """
        self._intact.clear()

    @property
    def _threads(self) -> dict[str, int]:
        """The number of threads, where it is set: it changes the last bits of sums."""
        threads = self.config.launch.threads
        return {} if threads is None else {"threads": threads}

    def upstream(self, stage: Stage) -> dict[str, Artifact]:
        """The artifacts that a stage reads."""
        return {name: self.artifact(find_stage(name)) for name in stage.upstream}

    def job_key(self, stage: Stage) -> str:
        """Key of the job that makes a stage's artifact, found without reading pixel masks."""
        if stage.plan is None:
            return f"{stage.name}_{self.artifact(stage).fingerprint}"
        upstream = {name: read.fingerprint for name, read in self.upstream(stage).items()}
        plan = stage.plan(self.config, self.dataset) | self._threads
        return f"{stage.name}_{fingerprint([stage.version, plan, upstream])}"

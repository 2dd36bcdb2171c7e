"""Build one artifact: in one process, in parts, or by several processes that train together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from wsss.engine.artifacts import Artifact
from wsss.engine.graph import Graph
from wsss.engine.registry import find_stage
from wsss.engine.run_directory import RunDirectory
from wsss.engine.sources import stage_sources
from wsss.engine.stage import WHOLE, Context, Part, Stage
from wsss.errors import UserError
from wsss.runs.manifest import contents
from wsss.tracking import RunLog, ending
from wsss.tracking.system_metrics import system_metrics
from wsss.training.world import ALONE, World, training_world

_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Builder:
    """Builds missing artifacts of one experiment."""

    graph: Graph
    directory: RunDirectory
    log: RunLog
    console: Console
    part: Part = WHOLE
    """The part of the stage that this process builds, if the stage can be split."""

    def build(self, stage: Stage) -> bool:
        """Build the stage's artifact; False if it is up to date.

        If the stage is split, the part that finishes last completes the artifact.

        Raises:
            UserError: an artifact that the stage reads does not exist.
        """
        artifact = self.graph.artifact(stage)
        if self.is_current(stage):
            return False
        for name, read in self.graph.upstream(stage).items():
            if self.graph.manifest(find_stage(name)) is None:
                why = read.damage() or f"'{name}' has not been run with this config"
                raise UserError(
                    f"stage '{stage.name}' reads '{name}': {why}; "
                    f"add it: stage=[{name},{stage.name}], or run stage=all"
                )
        if self.part.count > 1 and stage.run_part is not None:
            return self._build_part(stage, artifact)
        trainer = self.graph.config.trainer
        if trainer.devices * trainer.num_nodes == 1:
            return self._build_alone(stage, artifact, ALONE)
        if stage.trains(self.graph.config):
            world = training_world(trainer.devices, trainer.num_nodes)
        else:
            world = World.of_environment()
        if world.leads:
            return self._build_alone(stage, artifact, world)
        if stage.trains(self.graph.config):
            stage.run(self._context(stage, artifact, world))
        self.graph.forget()
        while not self.is_current(stage):  # if one process fails, the launcher ends all
            time.sleep(_POLL_SECONDS)
            self.graph.forget()
        return True

    def is_current(self, stage: Stage) -> bool:
        """Whether the artifact is complete, undamaged, and made from its present upstream."""
        manifest = self.graph.manifest(stage)
        return manifest is not None and not self._other_upstream(stage, manifest)

    def _other_upstream(self, stage: Stage, manifest: Mapping[str, Any]) -> list[str]:
        """The upstream artifacts that hold something else than when the manifest was written."""
        made_from = manifest.get("made_from", {})
        now = self._upstream_contents(stage)
        return [name for name, content in now.items() if made_from.get(name, content) != content]

    def _upstream_contents(self, stage: Stage) -> dict[str, str]:
        manifests = {name: self.graph.manifest(find_stage(name)) for name in stage.upstream}
        return {name: contents(found) for name, found in manifests.items() if found is not None}

    def _set_aside(self, stage: Stage) -> None:
        """Make room for an artifact that is to be made anew, and say why; the caller locks."""
        artifact, manifest = self.graph.artifact(stage), self.graph.manifest(stage)
        if manifest is None:
            why = artifact.damage()
        else:
            others = ", ".join(self._other_upstream(stage, manifest))
            why = f"was made from another artifact of {others}"
        if (aside := artifact.set_aside()) is not None:
            self.console.print(f"  {why}; made anew, the old one is kept as {aside.name}")
        self.graph.forget()

    def _build_alone(self, stage: Stage, artifact: Artifact, world: World) -> bool:
        """Build under the artifact's lock; False if another process has built it meanwhile."""

        def wait() -> None:
            self.console.print("  another process is building this artifact; waiting for it")

        with artifact.building(wait):
            self.graph.forget()
            if self.is_current(stage):
                return False
            self._set_aside(stage)
            artifact.prepare()
            self._build(stage, artifact, world)
        return True

    def _build_part(self, stage: Stage, artifact: Artifact) -> bool:
        """Write a part without the lock (parts share no file); the last completes the artifact."""
        assert stage.run_part is not None
        with artifact.building(lambda: None):
            self.graph.forget()
            if self.is_current(stage):  # another part has completed it meanwhile
                return False
            self._set_aside(stage)
            artifact.prepare_for_parts()
        marker = f"part_{{}}_of_{self.part.count}"
        mine = artifact.work / marker.format(self.part.index)
        if not mine.exists():
            self.directory.start_stage(self.log, stage.name, artifact)
            stage.run_part(self._context(stage, artifact, ALONE), self.part)
            self.graph.forget()
            mine.touch()
        every = [artifact.work / marker.format(index) for index in range(self.part.count)]
        if not all(path.exists() for path in every):
            return True
        return self._build_alone(stage, artifact, ALONE)

    def _build(self, stage: Stage, artifact: Artifact, world: World) -> None:
        started = time.perf_counter()
        self.directory.start_stage(self.log, stage.name, artifact)
        try:
            seconds = self.graph.config.tracking.system_metrics_seconds
            with system_metrics(self.log, stage.name, seconds):
                metrics = stage.run(self._context(stage, artifact, world))
            self.graph.forget()
            artifact.complete(
                metrics,
                seed=self.graph.config.seed,
                seconds=time.perf_counter() - started,
                quarantined=self.graph.dataset.quarantined,
                made_from=self._upstream_contents(stage),
                code=stage_sources(stage.name),
            )
        except BaseException as error:
            artifact.discard_if_empty()
            self.log.end_run(stage.name, ending(error))
            raise
        self.directory.finish_stage(self.log, stage.name, artifact, metrics)

    def _context(self, stage: Stage, artifact: Artifact, world: World) -> Context:
        """What a stage runs with; from here on PyTorch has ``launch.threads`` threads."""
        if (threads := self.graph.config.launch.threads) is not None:
            import torch  # not needed where every stage is up to date

            torch.set_num_threads(threads)
        paths: dict[str, Path] = {
            name: read.path for name, read in self.graph.upstream(stage).items()
        }
        graph = self.graph
        return Context(graph.config, graph.dataset, artifact, paths, self.log, self.console, world)

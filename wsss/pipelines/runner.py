"""Run the stages that are asked for, reusing every artifact that is up to date."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console

from wsss.data import open_dataset
from wsss.data.base import Dataset
from wsss.errors import UserError
from wsss.pipelines import ceiling, evaluate, extract, generate, prune, segment, train
from wsss.pipelines.artifacts import Artifact
from wsss.pipelines.config import Config
from wsss.pipelines.run_directory import RunDirectory
from wsss.pipelines.stage import Context, Stage, dataset_memory
from wsss.pipelines.suggest import suggestion
from wsss.report.table import SummaryRow, print_summary
from wsss.tracking import RunLog, Tracker
from wsss.tracking.system_metrics import system_metrics

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


def run_experiment(config: Config, console: Console, sweep: str | None = None) -> list[SummaryRow]:
    """Run an experiment's stages in this process and print the table.

    ``sweep`` names the sweep that it is a point of.

    Raises:
        UserError: bad input, or an upstream artifact that is not there.
    """
    stages = choose_stages(config.stage)
    if config.launch.threads is not None:
        torch.set_num_threads(config.launch.threads)
    dataset = open_dataset(config.dataset, dataset_memory(config))
    for image_id, reason in dataset.quarantined.items():
        console.print(f"left out: {image_id}: {reason}", style="yellow", highlight=False)
    directory = RunDirectory.open(config, sweep)
    with Tracker.open(directory.path, config.tracking) as tracker:
        experiment = Experiment(config, dataset, directory, tracker.log, console)
        for stage in stages:
            experiment.artifact(stage)  # what cannot work should fail before hours of training
        directory.start(tracker.log)
        try:
            rows = [experiment.run(stage) for stage in stages]
        except BaseException:
            tracker.log.end_run(directory.KEY, "FAILED")
            raise
        tracker.log.end_run(directory.KEY)
    print_summary(rows, console)
    console.print(f"run: {_relative(directory.path)}", highlight=False)
    for row in rows:
        if (row.path / "figures").is_dir():
            console.print(f"figures: {row.path / 'figures'}", highlight=False)
    return rows


@dataclass
class Experiment:
    """One config at work: knows the artifact of each stage and builds those that are missing."""

    config: Config
    dataset: Dataset
    directory: RunDirectory
    log: RunLog
    console: Console
    _located: dict[str, Artifact] = field(default_factory=dict)

    def artifact(self, stage: Stage) -> Artifact:
        """The artifact of a stage for this config, whether it exists or not."""
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

    def run(self, stage: Stage) -> SummaryRow:
        """Build the stage's artifact unless it is up to date."""
        artifact = self.artifact(stage)
        self.console.print(f"[bold]{stage.name}[/bold] {artifact.fingerprint}", highlight=False)
        built = artifact.manifest() is None and self._build_alone(stage, artifact)
        manifest = artifact.manifest()
        assert manifest is not None
        if not built and self.log.is_open(stage.name):  # killed before it could be recorded
            self.directory.finish_stage(self.log, stage.name, artifact, manifest["metrics"])
        self.directory.link(stage.name, artifact.path)
        if stage is segment.STAGE and self.config.tracking.model:
            self.directory.record_model(self.log, artifact)
        return SummaryRow(
            stage.name,
            stage.key_figure(manifest["metrics"]),
            manifest["seconds"],
            "run" if built else "up to date",
            _relative(artifact.path),
        )

    def _build_alone(self, stage: Stage, artifact: Artifact) -> bool:
        """Build under the artifact's lock; False where another process has done it meanwhile."""
        for name, read in self.upstream(stage).items():
            if read.manifest() is None:
                raise UserError(
                    f"stage '{stage.name}' reads '{name}', which has not been run with this "
                    f"config; add it: stage=[{name},{stage.name}], or run stage=all"
                )

        def wait() -> None:
            self.console.print("  another process is building this artifact, waiting for it")

        with artifact.building(wait):
            if artifact.manifest() is not None:
                return False
            self._build(stage, artifact)
        return True

    def _build(self, stage: Stage, artifact: Artifact) -> None:
        started = time.perf_counter()
        paths = {name: read.path for name, read in self.upstream(stage).items()}
        self.directory.start_stage(self.log, stage.name, artifact)
        artifact.prepare()
        context = Context(self.config, self.dataset, artifact, paths, self.log, self.console)
        try:
            with system_metrics(self.log, stage.name, self.config.tracking.system_metrics_seconds):
                metrics = stage.run(context)
            seconds = time.perf_counter() - started
            artifact.complete(
                metrics,
                seed=self.config.seed,
                seconds=seconds,
                quarantined=self.dataset.quarantined,
            )
        except BaseException:
            artifact.discard_if_empty()
            self.log.end_run(stage.name, "FAILED")
            raise
        self.directory.finish_stage(self.log, stage.name, artifact, metrics)


def _relative(path: Path) -> Path:
    """Shorter where the path lies below the working directory."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

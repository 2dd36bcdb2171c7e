"""Run the stages that are asked for, reusing every artifact that is up to date."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from wsss.data import open_dataset
from wsss.data.base import Dataset
from wsss.errors import UserError
from wsss.pipelines import ceiling, evaluate, extract, generate, prune, segment, train
from wsss.pipelines.artifacts import Artifact, fingerprint
from wsss.pipelines.config import Config
from wsss.pipelines.run_directory import RunDirectory
from wsss.pipelines.stage import Context, Stage
from wsss.pipelines.suggest import suggestion
from wsss.report.table import SummaryRow, print_summary
from wsss.tracking import Tracker

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


def locate(stage: Stage, config: Config, dataset: Dataset, known: dict[str, Artifact]) -> Artifact:
    """The artifact of a stage for this config, whether it exists or not.

    ``known`` keeps what was located before, so that fingerprints are computed once.
    """
    if stage.name not in known:
        upstream = {
            name: locate(STAGES[name], config, dataset, known).fingerprint
            for name in stage.upstream
        }
        digest = fingerprint(
            {
                "stage": stage.name,
                "version": stage.version,
                "inputs": stage.inputs(config, dataset),
                "upstream": upstream,
            }
        )
        path = config.outputs / "artifacts" / stage.name / digest
        known[stage.name] = Artifact(stage.name, digest, path)
    return known[stage.name]


def run_experiment(config: Config, console: Console) -> list[SummaryRow]:
    """Run an experiment's stages in this process and print the table.

    Raises:
        UserError: bad input, or an upstream artifact that is not there.
    """
    stages = choose_stages(config.stage)
    if config.launch.threads is not None:
        torch.set_num_threads(config.launch.threads)
    dataset = open_dataset(config.dataset)
    known: dict[str, Artifact] = {}
    directory = RunDirectory.open(config)
    rows: list[SummaryRow] = []
    with Tracker.open(directory.path, config.tracking) as tracker:
        directory.start(tracker.log)
        try:
            for stage in stages:
                rows.append(_run_stage(stage, config, dataset, known, directory, tracker, console))
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


def _run_stage(
    stage: Stage,
    config: Config,
    dataset: Dataset,
    known: dict[str, Artifact],
    directory: RunDirectory,
    tracker: Tracker,
    console: Console,
) -> SummaryRow:
    artifact = locate(stage, config, dataset, known)
    console.print(f"[bold]{stage.name}[/bold] {artifact.fingerprint}", highlight=False)
    manifest = artifact.manifest()
    state = "up to date"
    if manifest is None:
        _check_upstream(stage, known)

        def wait() -> None:
            console.print("  another process is building this artifact, waiting for it")

        with artifact.building(wait):
            manifest = artifact.manifest()  # the other process may have finished it
            if manifest is None:
                state = "run"
                _build(stage, config, dataset, known, directory, tracker, console)
    manifest = artifact.manifest()
    assert manifest is not None
    directory.link(stage.name, artifact.path)
    return SummaryRow(
        stage.name,
        stage.key_figure(manifest["metrics"]),
        manifest["seconds"],
        "run" if state == "run" else "up to date",
        _relative(artifact.path),
    )


def _build(
    stage: Stage,
    config: Config,
    dataset: Dataset,
    known: dict[str, Artifact],
    directory: RunDirectory,
    tracker: Tracker,
    console: Console,
) -> None:
    artifact = known[stage.name]
    upstream = {name: known[name] for name in stage.upstream}
    log, started = tracker.log, time.perf_counter()
    directory.start_stage(log, stage.name, artifact)
    artifact.path.mkdir(parents=True, exist_ok=True)
    context = Context(
        config, dataset, artifact, {n: a.path for n, a in upstream.items()}, log, console
    )
    try:
        metrics = stage.run(context)
        artifact.complete(
            metrics,
            inputs=stage.inputs(config, dataset),
            upstream={name: a.fingerprint for name, a in upstream.items()},
            seed=config.seed,
            seconds=time.perf_counter() - started,
        )
    except BaseException:
        artifact.discard_if_empty()
        log.end_run(stage.name, "FAILED")
        raise
    directory.finish_stage(log, stage.name, artifact, metrics)


def _check_upstream(stage: Stage, known: dict[str, Artifact]) -> None:
    missing = [name for name in stage.upstream if known[name].manifest() is None]
    if missing:
        raise UserError(
            f"stage '{stage.name}' reads '{missing[0]}', which has not been run with this config; "
            f"add it: stage=[{','.join([*missing, stage.name])}], or run stage=all"
        )


def _relative(path: Path) -> Path:
    """Shorter where the path lies below the working directory."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

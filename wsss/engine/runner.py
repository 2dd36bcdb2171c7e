"""Run stages in this process; artifacts that are up to date are reused."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from wsss.config.schema import Config
from wsss.data.open import open_dataset
from wsss.engine.artifacts import REPLACED
from wsss.engine.building import Builder
from wsss.engine.feasible import check_feasible
from wsss.engine.graph import Graph
from wsss.engine.registry import choose_stages, to_rebuild
from wsss.engine.run_directory import RunDirectory
from wsss.engine.sources import changed_sources
from wsss.engine.stage import WHOLE, Part, Stage
from wsss.report.table import SummaryRow, print_summary
from wsss.runs.layout import dataset_memory
from wsss.tracking import Tracker, ending
from wsss.training.world import World


def run_experiment(
    config: Config, console: Console, sweep: str | None = None, part: Part = WHOLE
) -> list[SummaryRow]:
    """Run an experiment's stages in this process and print the table.

    ``sweep`` names the sweep that the run belongs to. ``part`` selects the work of stages that can
    be split; such a stage has no line in the table until its last part is complete.

    Raises:
        UserError: bad input, or a missing upstream artifact.
    """
    stages = choose_stages(config.stage)
    anew = to_rebuild(config.rebuild, stages)
    names = [stage.name for stage in stages]
    check_feasible(config, names)
    graph = Graph(config, open_dataset(config.dataset, dataset_memory(config)))
    check_feasible(config, names, graph.dataset)
    for image_id, reason in graph.dataset.quarantined.items():
        console.print(f"left out: {image_id}: {reason}", style="yellow", soft_wrap=True)
    directory = RunDirectory.open(config, sweep)
    with Tracker.open(directory.path, config.tracking) as tracker:
        for stage in stages:  # fail before hours of training
            if stage.check is not None and (stage in anew or graph.manifest(stage) is None):
                stage.check(config, graph.dataset)
            graph.artifact(stage)
        directory.start(tracker.log)
        builder = Builder(graph, directory, tracker.log, console, part)
        if part is WHOLE and World.of_environment().leads:
            for stage in anew:
                graph.artifact(stage).set_aside(REPLACED)
        if anew:  # in every process, since one has set artifacts aside
            graph.forget()
        try:
            rows = [_run(stage, builder) for stage in stages]
        except BaseException as error:
            tracker.log.end_run(directory.KEY, ending(error))
            raise
        tracker.log.end_run(directory.KEY)
    done = [row for row in rows if row is not None]
    print_summary(done, console)
    console.print(f"run: {relative(directory.path)}", soft_wrap=True)
    for row in done:
        if (row.path / "figures").is_dir():
            console.print(f"figures: {row.path / 'figures'}", soft_wrap=True)
    return done


def _run(stage: Stage, builder: Builder) -> SummaryRow | None:
    """Build a stage's artifact if needed; ``None`` while other parts are missing."""
    artifact = builder.graph.artifact(stage)
    builder.console.print(Text.assemble((stage.name, "bold"), f" {artifact.fingerprint}"))
    built = builder.build(stage)
    manifest = builder.graph.manifest(stage)
    if manifest is None:
        return None
    if not built and (changed := changed_sources(stage.name, manifest.get("code", {}))):
        files = f"{changed[0]} and {len(changed) - 1} more" if changed[1:] else changed[0]
        differ = "differ" if changed[1:] else "differs"
        builder.console.print(
            f"  made by other code: {files} {differ}; rebuild=[{stage.name}] makes it anew",
            style="yellow",
        )
    if not built and builder.log.is_open(stage.name):  # killed before it could be recorded
        builder.directory.finish_stage(builder.log, stage.name, artifact, manifest["metrics"])
    builder.directory.link(stage.name, artifact.path)
    if stage.save_model is not None and builder.graph.config.tracking.model:
        builder.directory.record_model(builder.log, artifact, stage.save_model)
    return SummaryRow(
        stage.name,
        stage.key_figure(manifest["metrics"]),
        manifest["seconds"],
        "run" if built else "up to date",
        relative(artifact.path),
        manifest["metrics"],
    )


def relative(path: Path) -> Path:
    """The path relative to the working directory if it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

"""Run an experiment in this process or as jobs, depending on its config."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from wsss.cluster.resources import check_names, stage_resources
from wsss.config.launch import ClusterLaunch
from wsss.config.parsing import parse_config
from wsss.engine.objective import objective
from wsss.engine.registry import choose_stages
from wsss.engine.runner import run_experiment
from wsss.engine.stage import WHOLE
from wsss.runs.layout import JOBS


def launch_experiment(
    plain: dict[str, Any], console: Console, sweep: str | None = None
) -> float | None:
    """Check a config, then run its stages here or submit them.

    Args:
        plain: the composed config, see `wsss.config.parsing.plain_values`.
        console: receives the output.
        sweep: name of the sweep that the experiment belongs to.

    Returns:
        the `objective`, if the stages that measure it were run here.

    Raises:
        UserError: bad input; see `run_experiment` and `submit_experiment`.
    """
    check_names(plain["launch"])
    config = parse_config(plain)
    if not isinstance(config.launch, ClusterLaunch):
        rows = run_experiment(config, console, sweep)
        return objective(config, {row.stage: row.metrics for row in rows})
    # Imported here: a run in this process submits nothing.
    import submitit

    from wsss.cluster.job import StageJob
    from wsss.cluster.submit import submit_experiment

    if config.launch.name == "slurm":
        submit_experiment(config, plain, console, sweep)
        return None
    stages = choose_stages(config.stage)
    stage_resources(config.launch, stages)
    executor = submitit.DebugExecutor(config.outputs / JOBS)
    for stage in stages:
        job = StageJob(config=plain, stage=stage.name, part=WHOLE, key="", sweep=sweep)
        executor.submit(job).result()
    return None

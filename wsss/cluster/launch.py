"""Run an experiment where its config says. What is run knows nothing of it."""

from __future__ import annotations

from pathlib import Path

import submitit
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from wsss.cluster.job import StageJob
from wsss.cluster.submit import submit_experiment
from wsss.config.launch import ClusterLaunch
from wsss.config.parsing import parse_config
from wsss.engine.objective import objective
from wsss.engine.registry import choose_stages
from wsss.engine.runner import run_experiment
from wsss.runs.layout import JOBS


def launch_experiment(
    composed: DictConfig, console: Console, sweep: str | None = None
) -> float | None:
    """Check a composed config, then run its stages here or submit them.

    ``sweep`` names the sweep that it is a point of.

    Returns:
        the `objective`, where stages were run here that measure it.

    Raises:
        UserError: bad input; see `run_experiment` and `submit_experiment`.
    """
    config = parse_config(composed)
    if not isinstance(config.launch, ClusterLaunch):
        rows = run_experiment(config, console, sweep)
        return objective(config, {row.stage: row.metrics for row in rows})
    content = OmegaConf.to_container(composed, resolve=True)
    assert isinstance(content, dict)
    plain = {str(key): value for key, value in content.items()}
    if config.launch.name == "slurm":
        submit_experiment(config, config.launch, plain, console, sweep)
        return None
    executor = submitit.DebugExecutor(Path(config.outputs) / JOBS)
    for stage in choose_stages(config.stage):
        executor.submit(StageJob(plain, stage.name, 0, 1, "", sweep)).result()
    return None

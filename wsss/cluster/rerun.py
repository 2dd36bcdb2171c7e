"""Resubmitting runs with their stored configs, which may be somebody else's.

A stored config names the Python that a job starts, shell lines, files to read and a tracking
server. It is shown, and used only if the user trusts it. Nothing in it is resolved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from wsss.cluster.launch import launch_experiment
from wsss.config.parsing import parse_config
from wsss.config.schema import GROUPS
from wsss.engine.registry import STAGES
from wsss.errors import UserError
from wsss.records import entry, is_inside, read_each, read_object
from wsss.runs.identity import flat
from wsss.runs.layout import COMPOSED, job_keys, outputs_of, run_path
from wsss.terminal import visible


def rerun(runs: Sequence[Path], console: Console, *, trust: bool) -> None:
    """Show what the stored configs of runs would start and, with ``trust``, submit them.

    Raises:
        UserError: without ``trust``, or for a config that SLURM or the software refuses.
    """
    configs = read_each(runs, stored_config)
    shown: dict[tuple[str, ...], list[str]] = {}
    for run, config in configs.items():
        shown.setdefault(tuple(what_it_starts(config)), []).append(run.name)
    for lines, names in shown.items():
        console.print(visible(f"from the records of {', '.join(names)}:"))
        for line in lines:
            console.print(visible(f"  {line}"), soft_wrap=True)
    if configs and not trust:
        raise UserError("nothing was submitted; if you trust these records, add --trust")
    for run, config in configs.items():
        try:
            launch_experiment(config, console)
        except UserError as error:
            raise UserError(f"{run}: {error}") from error


def stored_config(run: Path) -> dict[str, Any]:
    """The composed config of a run that was submitted, for its present place.

    Paths below the outputs folder move with that folder. All that is written goes into it.

    Raises:
        UserError: the config is missing, damaged, of another run, or writes to another place.
    """
    path = run / COMPOSED
    try:
        config = read_object(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from error
    outputs = outputs_of(run)
    if outputs is None:
        raise UserError(f"{run} is in no outputs folder, which a job needs")
    for key in GROUPS:
        entry(config, key, dict, path)
    paths = entry(config, "paths", dict, path)
    then, now = entry(paths, "outputs", str, path), str(outputs.resolve())
    config = {key: _moved(part, then, now) for key, part in config.items()}
    config |= {"paths": {"outputs": now}, "stage": _stages(run)}
    for key, value in flat(config).items():
        if "${" in key or "${" in str(value):
            raise UserError(f"{path}: {key} is not a plain value: '{value}'")
    if entry(config["launch"], "name", str, path) != "slurm":
        raise UserError(f"{path}: launch.name is not slurm; start the run with its own command")
    try:
        parsed = parse_config(config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    if run_path(parsed).resolve() != run.resolve():
        raise UserError(f"{path} is the config of another run, {run_path(parsed).name}")
    if config["dataset"].get("kind") == "synthetic" and not is_inside(
        Path(parsed.dataset.root).expanduser(), outputs
    ):
        raise UserError(f"{path}: dataset.root, where scenes are written, is outside {outputs}")
    return config


def what_it_starts(config: dict[str, Any]) -> Iterator[str]:
    """The settings of a stored config that start programs, or name files and servers."""
    yield f"stages: {', '.join(config['stage'])}"
    launch = config["launch"]
    resources = {stage: launch["resources"].get(stage) for stage in config["stage"]}
    plain = config | {"launch": launch | {"resources": resources}}
    for key, value in flat(plain).items():
        is_place = isinstance(value, str) and ("/" in value or "~" in value)
        if is_place or (key.startswith("launch.") and value not in (None, "[]")):
            yield f"{key}: {value if isinstance(value, str) else json.dumps(value)}"


def _stages(run: Path) -> list[str]:
    stages = [*job_keys(run)]
    for stage in stages:
        if stage not in STAGES:
            raise UserError(f"{run}: its jobs make '{stage}', which is no stage")
    return stages


def _moved(value: Any, then: str, now: str) -> Any:
    """A config whose texts that name a path below one folder name it below another."""
    if isinstance(value, dict):
        return {key: _moved(part, then, now) for key, part in value.items()}
    if isinstance(value, list):
        return [_moved(part, then, now) for part in value]
    if not isinstance(value, str):
        return value
    for before in ("", "sqlite:///"):
        if value.startswith(f"{before}{then}/"):
            return f"{before}{now}{value.removeprefix(before + then)}"
    return value

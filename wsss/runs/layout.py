"""Names and places below the outputs folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsss.errors import UserError
from wsss.records import entry, is_inside, read_json, read_object
from wsss.runs.identity import fingerprint, identity

if TYPE_CHECKING:  # so that reading runs does not load PyTorch
    from wsss.config.schema import Config

RUNS, JOBS, ARTIFACTS = "runs", "jobs", "artifacts"
CONFIG, SWEEPS, MODEL = "config.json", "sweeps.json", "model"
COMPOSED, JOB_KEYS = "composed.json", "jobs.json"


def job_keys(run: Path) -> dict[str, str]:
    """Keys of job records by stage, for the submitted stages of a run; `UserError` if damaged."""
    path = run / JOB_KEYS
    try:
        record = read_object(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {stage: entry(record, stage, str, path) for stage in record}


def sweeps_of(run: Path) -> list[str]:
    """Names of the sweeps that a run belongs to; `UserError` if the list is damaged."""
    path = run / SWEEPS
    try:
        names = read_json(path)
    except FileNotFoundError:
        return []
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise UserError(f"{path} is not a list of names")
    return names


def outputs_of(place: Path) -> Path | None:
    """The outputs folder of an outputs folder, its ``runs`` or a run directory.

    ``None`` for a run directory outside one.
    """
    if (place / RUNS).is_dir():
        return place
    runs = place.resolve().parent if (place / CONFIG).is_file() else place.resolve()
    return runs.parent if runs.name == RUNS else None


def stage_folder(run: Path, stage: str) -> Path:
    """The folder of a stage's results in a run directory; it need not exist.

    Runs keep links to artifacts. A link that leads out of the outputs folder, as an absolute one
    does once the folder was moved or copied, stands for the artifact of the same name within.

    Raises:
        UserError: it leads out, and there is no such artifact.
    """
    real = run.resolve()
    link = real / stage
    if not link.is_symlink():
        return link
    target, outputs = link.resolve(), outputs_of(real)
    artifacts = real if outputs is None else outputs / ARTIFACTS
    if any(is_inside(target, place) for place in (real, artifacts)):
        return target
    within = artifacts / stage / target.name
    if within.is_symlink() or (target.exists() and not within.is_dir()):
        raise UserError(f"{run / stage} is a link out of the outputs folder, to {target}")
    return within


def run_path(config: Config) -> Path:
    """The run directory of an experiment."""
    digest = fingerprint(settings_of(config))[:8]
    return config.outputs / RUNS / f"{config.dataset.name}_{digest}"


def settings_of(config: Config) -> dict[str, Any]:
    """The settings that identify an experiment."""
    return identity(asdict(config))


def dataset_memory(config: Config) -> Path:
    """Folder of cached facts about datasets, see `wsss.data.memory`."""
    return config.outputs / "data" / "memory"

"""Names and places below the outputs folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsss.runs.identity import fingerprint, identity

if TYPE_CHECKING:  # so that reading runs does not load PyTorch
    from wsss.config.schema import Config

RUNS, JOBS, ARTIFACTS = "runs", "jobs", "artifacts"
CONFIG, SWEEPS, MODEL = "config.json", "sweeps.json", "model"
COMPOSED, JOB_KEYS = "composed.json", "jobs.json"


def job_keys(run: Path) -> dict[str, str]:
    """Keys of job records by stage, for the submitted stages of a run."""
    path = run / JOB_KEYS
    keys: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return keys


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

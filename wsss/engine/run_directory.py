"""The folder of one experiment: its config, links to its artifacts, its MLflow records."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from wsss.atomic import replacing
from wsss.config.schema import Config
from wsss.engine.artifacts import Artifact, write_json
from wsss.engine.params import chosen_params
from wsss.engine.stage import SaveModel
from wsss.errors import UserError
from wsss.runs.identity import flat
from wsss.runs.layout import (
    COMPOSED,
    CONFIG,
    JOB_KEYS,
    MODEL,
    RUNS,
    SWEEPS,
    job_keys,
    run_path,
    settings_of,
    sweeps_of,
)
from wsss.runs.manifest import MANIFEST
from wsss.tracking import RunLog


@dataclass(frozen=True)
class RunDirectory:
    """``outputs/runs/<dataset>_<hash of the config>``; equal configs share a folder."""

    KEY: ClassVar[str] = "experiment"
    path: Path
    config: Config
    sweep: str | None = None

    @classmethod
    def open(cls, config: Config, sweep: str | None = None) -> RunDirectory:
        """Create or reuse the folder, and write the config into it.

        ``sweep`` names the sweep that this run belongs to; ``sweeps.json`` lists all its sweeps.
        """
        path = run_path(config)
        path.mkdir(parents=True, exist_ok=True)
        write_json(path / CONFIG, asdict(config))
        if sweep is not None:
            known = sweeps_of(path)
            if sweep not in known:
                write_json(path / SWEEPS, [*known, sweep])
        return cls(path, config, sweep)

    def start(self, log: RunLog) -> None:
        """Open the parent run."""
        config = self.config
        # MLflow refuses to change a param, so those that the next command may change are left out.
        params = chosen_params(flat(settings_of(config)), config.tracking.params)
        log.start_run(self.KEY, self.path.name, tags={"dataset": config.dataset.name, **self._tags})
        log.params(self.KEY, params)
        log.artifact(self.KEY, self.path / CONFIG)

    def start_stage(self, log: RunLog, stage: str, artifact: Artifact) -> None:
        """Open the nested run of a stage."""
        tags = {"stage": stage, "fingerprint": artifact.fingerprint, **self._tags}
        log.start_run(stage, f"{stage}_{self.path.name}", parent=self.KEY, tags=tags)

    def finish_stage(
        self, log: RunLog, stage: str, artifact: Artifact, metrics: Mapping[str, Any]
    ) -> None:
        """Record a stage's numbers, manifest and figures, but no large files."""
        numbers = {k: v for k, v in flat(metrics).items() if isinstance(v, int | float)}
        numbers = {k: v for k, v in numbers.items() if "confusion" not in k}
        log.metrics(stage, numbers)
        log.artifact(stage, artifact.path / MANIFEST)
        for figure in sorted((artifact.path / "figures").glob("*.png")):
            log.artifact(stage, figure, "figures")
        log.end_run(stage)

    def record_model(self, log: RunLog, artifact: Artifact, save: SaveModel) -> None:
        """Save an artifact as an MLflow model, and log it with its stage."""
        folder = self.path / MODEL
        metadata = {"run": self.path.name, "fingerprint": artifact.fingerprint}
        save(self.config, artifact.path, folder, metadata)
        self.start_stage(log, artifact.stage, artifact)  # another run may have built it
        log.artifact(artifact.stage, folder, MODEL)
        log.end_run(artifact.stage)

    @property
    def _tags(self) -> dict[str, str]:
        return {} if self.sweep is None else {"sweep": self.sweep}

    def link(self, stage: str, artifact: Path) -> None:
        """Link the stage's name to its artifact, so that results are found without hashes."""
        _link(self.path, stage, artifact)

    def submitted(self, keys: Mapping[str, str], content: Mapping[str, Any]) -> None:
        """Store job keys by stage, and the composed config for a later resubmission."""
        write_json(self.path / JOB_KEYS, job_keys(self.path) | dict(keys))
        write_json(self.path / COMPOSED, content)


def link_everywhere(outputs: Path, key: str, stage: str, artifact: Path) -> None:
    """Link the artifact in every run directory that waits for the job with this key."""
    for run in sorted((outputs / RUNS).iterdir()):
        with suppress(UserError):  # another run's damaged record, which status names
            if job_keys(run).get(stage) == key:
                _link(run, stage, artifact)


def _link(run: Path, stage: str, artifact: Path) -> None:
    with replacing(run / stage) as fresh:  # relative, so that outputs can be moved and copied
        fresh.symlink_to(os.path.relpath(artifact, run), target_is_directory=True)

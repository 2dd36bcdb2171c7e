"""Results of the stages of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wsss.errors import UserError
from wsss.runs.layout import ARTIFACTS, RUNS
from wsss.runs.manifest import Damaged, read_manifest

METRICS = "metrics.json"


def stage_directory(run: Path, stage: str) -> Path:
    """The artifact of a stage of a run; it need not exist.

    Runs keep links. One that leads out of the outputs folder, as an absolute link does once the
    folder was moved or copied, stands for the artifact of the same name within.
    """
    link = run / stage
    outputs = run.resolve().parent.parent
    if not link.is_symlink() or run.resolve().parent.name != RUNS:
        return link
    target = link.resolve()
    return target if target.is_relative_to(outputs) else outputs / ARTIFACTS / stage / target.name


def read_metrics(run: Path, stage: str) -> dict[str, Any]:
    """The metrics of a stage of a run.

    Raises:
        FileNotFoundError: the run has none.
        UserError: they have been changed since they were written, or are not JSON.
    """
    directory = stage_directory(run, stage)
    try:
        read_manifest(directory, only=METRICS)
        metrics = json.loads((directory / METRICS).read_text("utf-8"))
    except Damaged as evidence:
        raise UserError(f"{evidence}; run the stage again: stage={stage}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{directory / METRICS} is not JSON ({error})") from error
    if not isinstance(metrics, dict):
        raise UserError(f"{directory / METRICS} does not hold metrics by name")
    return metrics

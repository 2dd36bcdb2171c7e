"""Results of the stages of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wsss.errors import UserError
from wsss.records import read_object
from wsss.runs.layout import stage_folder
from wsss.runs.manifest import Damaged, read_manifest

METRICS = "metrics.json"


def read_metrics(run: Path, stage: str) -> dict[str, Any]:
    """The metrics of a stage of a run.

    Raises:
        FileNotFoundError: the run has none.
        UserError: they cannot be read, or have been changed since they were written.
    """
    directory = stage_folder(run, stage)
    try:
        read_manifest(directory, only=METRICS)
    except Damaged as evidence:
        raise UserError(f"{evidence}; run the stage again: stage={stage}") from None
    return read_object(directory / METRICS)

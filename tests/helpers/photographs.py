"""A tiny experiment on a folder of photographs with a background, in the test's process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers import tiny
from helpers.command_line import run_main

SMALL = [
    "dataset=folder",
    "dataset.background=background",
    "dataset.image_size=32",
    *(a for a in tiny.TINY if not a.startswith(("dataset.", "trainer.max", "pruning", "segm"))),
    "trainer.max_epochs=4",
    "pruning=none",
    "segmenter.max_epochs=1",
    "segmenter.channels=[8,16]",
    "attention.scales=[1.0]",
    "evaluation.figure_images=1",
    "tracking=none",
]


def evaluated(
    root: Path, outputs: Path, capture: pytest.CaptureFixture[str], *overrides: str
) -> dict[str, Any]:
    """Run all stages and return the metrics of the evaluation, which must be a new one."""
    before = {m["fingerprint"] for m in tiny.manifests(outputs).get("evaluate", [])}
    arguments = [*SMALL, f"dataset.root={root}", f"paths.outputs={outputs}", *overrides]
    status, printed, complaint = run_main(arguments, capture)
    assert status == 0, printed + complaint
    every = tiny.manifests(outputs)["evaluate"]
    (manifest,) = [m for m in every if m["fingerprint"] not in before]
    metrics: dict[str, Any] = manifest["metrics"]
    return metrics

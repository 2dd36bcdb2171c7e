"""Numbers of a tiny run of every stage: if they change, the stage's ``version`` has to.

Write the file anew with ``python tests/engine/test_golden_stages.py OUTPUTS``, where OUTPUTS holds
one finished tiny experiment.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import tiny
from safetensors.numpy import load_file

from wsss.engine.registry import find_stage
from wsss.runs.manifest import MANIFEST

GOLDEN = Path(__file__).parents[1] / "golden" / "stages.json"
REL, ABS = 0.01, 0.005
"""Processors differ in last digits, which training multiplies."""


@pytest.mark.parametrize("stage", tiny.STAGES)
def test_results_change_only_with_the_version(stage: str, finished: Path) -> None:
    golden = json.loads(GOLDEN.read_text())
    version = str(find_stage(stage).version)
    assert version in golden[stage], f"store the numbers of version {version}: see this file"
    expected = golden[stage][version]
    found = numbers(finished, stage)
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, rel=REL, abs=ABS), f"raise the version of stage {stage}"


def numbers(outputs: Path, stage: str) -> dict[str, float]:
    """What a stage's result is known by: its metrics, its history, and the means of its arrays."""
    (directory,) = (path.parent for path in outputs.glob(f"artifacts/{stage}/*/{MANIFEST}"))
    found = dict(leaves(json.loads((directory / "metrics.json").read_text())))
    for path in sorted(directory.glob("*.safetensors")):
        arrays = load_file(path)
        found[path.name] = float(np.mean([np.abs(a.astype(float)).mean() for a in arrays.values()]))
    if (directory / "history.jsonl").exists():
        first = json.loads((directory / "history.jsonl").read_text().splitlines()[0])
        found["first loss"] = first["train/loss"]
    return found


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, f"{prefix}{key}.")
    elif isinstance(node, float):
        yield prefix.removesuffix("."), node


if __name__ == "__main__":
    known = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    for name in tiny.STAGES:
        here = numbers(Path(sys.argv[1]), name)
        known.setdefault(name, {})[str(find_stage(name).version)] = here
    GOLDEN.write_text(json.dumps(known, indent=1) + "\n")

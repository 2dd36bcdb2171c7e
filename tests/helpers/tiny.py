"""A tiny experiment: the real command line on eighty synthetic scenes of 32 pixels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from helpers.command_line import run_here

REPOSITORY = Path(__file__).resolve().parents[2]

STAGES = ("train", "prune", "extract", "generate", "segment", "evaluate")
TINY = (
    "dataset.scenes_train=32",
    "dataset.scenes_val=12",
    "dataset.scenes_test=12",
    "dataset.scene_size=32",
    "model.embed_dim=32",
    "model.depth=2",
    "model.num_heads=2",
    "trainer.max_epochs=3",
    "trainer.batch_size=8",
    "pruning=after",
    "pruning.max_epochs=2",
    "segmenter.max_epochs=2",
    "segmenter.channels=[8,16]",
    "evaluation.figure_images=2",
    "launch.threads=1",
)


def command(outputs: Path, *overrides: str, tracking: str = "none") -> list[str]:
    """The command line of a tiny experiment."""
    replaced = {override.split("=")[0] for override in overrides}
    chosen = [a for a in TINY if a.split("=")[0] not in replaced]
    if "pruning" in replaced and "pruning=after" not in overrides:
        chosen = [a for a in chosen if not a.startswith("pruning.")]
    if {"segmenter=segformer", "segmenter=encoder"} & set(overrides):
        chosen = [a for a in chosen if not a.startswith("segmenter.channels")]
    flags = [o for o in overrides if o.startswith("-")]
    return [
        sys.executable,
        "-m",
        "wsss.pipelines",
        *flags,
        f"paths.outputs={outputs}",
        f"tracking={tracking}",
        *chosen,
        *(o for o in overrides if o not in flags),
    ]


def run(
    outputs: Path, *overrides: str, tracking: str = "none", check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process; with ``check``, its failure fails the test."""
    return _checked(run_here(command(outputs, *overrides, tracking=tracking)[3:]), check)


def run_command(arguments: list[str], check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run any command in a process of its own, in the source tree."""
    done = subprocess.run(
        arguments,
        cwd=REPOSITORY,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    return _checked(done, check)


def _checked(
    done: subprocess.CompletedProcess[str], check: bool
) -> subprocess.CompletedProcess[str]:
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def manifests(outputs: Path) -> dict[str, list[dict[str, Any]]]:
    """Manifests of the complete artifacts below ``outputs``, by stage."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((outputs / "artifacts").glob("*/????????????????/manifest.json")):
        manifest = json.loads(path.read_text())
        found.setdefault(manifest["stage"], []).append(manifest)
    return found


def hashes(outputs: Path) -> dict[str, dict[str, str]]:
    """SHA-256 of every artifact file, by stage and fingerprint, then by name."""
    return {
        f"{stage}/{manifest['fingerprint']}": {
            name: file["sha256"] for name, file in manifest["files"].items()
        }
        for stage, members in manifests(outputs).items()
        for manifest in members
    }

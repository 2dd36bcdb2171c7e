"""Every system of the literature through the real command line, and what does not go together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from helpers.command_line import refused, run_main

Capture = pytest.CaptureFixture[str]
SYSTEMS = (
    "token_masking",
    "mctformer_v1",
    "mctformer_v2",
    "mctformer_plus",
    "sparse_vit",
    "cam",
    "story_of_heads",
)
SMALL = [a for a in tiny.TINY if not a.startswith(("pruning", "model.depth", "trainer.max"))]
HALF = ("dataset.scenes_train=16", "dataset.scenes_val=8", "dataset.scenes_test=8")


def arguments(outputs: Path, *overrides: str) -> list[str]:
    chosen = [a for a in SMALL if not a.startswith("dataset.scenes_")]
    short = ("trainer.max_epochs=1", "model.depth=2", "segmenter.max_epochs=1")
    return [f"paths.outputs={outputs}", "tracking=none", *chosen, *HALF, *short, *overrides]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("systems")


def finished(outputs: Path, system: str, capture: Capture) -> dict[str, Any]:
    """Metrics of all stages, and the classifier's description."""
    before = set(outputs.glob("runs/*"))
    status, printed, complaint = run_main(arguments(outputs, f"experiment={system}"), capture)
    assert status == 0, printed + complaint
    (run,) = set(outputs.glob("runs/*")) - before
    stages = ("train", "prune", "extract", "generate", "segment", "evaluate")
    metrics = {stage: json.loads((run / stage / "metrics.json").read_text()) for stage in stages}
    described = json.loads((run / "prune" / "classifier.json").read_text())
    return metrics | {"model": described["model"], "run": run}


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_goes_through_all_stages(system: str, outputs: Path, capsys: Capture) -> None:
    done = finished(outputs, system, capsys)
    model = done["model"]
    assert (model["token_head"] == "mean") == system.startswith("mctformer")
    assert (model["class_tokens"] == "shared") == (system in ("sparse_vit", "cam"))
    without_patches = ("token_masking", "mctformer_v1", "sparse_vit")
    assert (model["patch_head"] == "none") == (system in without_patches)
    gates = (done["run"] / "prune" / "gates.safetensors").exists()
    assert gates == (system in ("token_masking", "sparse_vit", "story_of_heads"))
    if system == "story_of_heads":
        assert done["prune"]["heads_kept"] * 2 == done["prune"]["heads"]
    assert 0 <= done["evaluate"]["pseudo_mask"]["test"]["miou"] <= 1
    assert 0 <= done["evaluate"]["segmenter"]["test"]["miou"] <= 1


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.patch_head=none"], ["attention.source=fused", "model.patch_head"]),
        (["attention.source=clusters"], ["attention.source=clusters", "model.class_tokens"]),
        (["model.class_tokens=shared"], ["attention.source", "model.class_tokens"]),
        (["experiment=sparse_vit", "masking=random"], ["masking=random", "model.class_tokens"]),
        (["experiment=cam", "masking=random"], ["masking=random", "model.class_tokens"]),
        (["model.token_head=none"], ["masking=random", "model.token_head"]),
        (["model.token_head=none", "model.patch_head=none"], ["token_head", "patch_head"]),
        (["pruning.keep=1.5"], ["pruning.keep", "1.5"]),
        (["loss.contrast=-1"], ["loss.contrast", "-1"]),
    ],
)
def test_what_does_not_go_together_is_refused(
    overrides: list[str], words: list[str], tmp_path: Path, capsys: Capture
) -> None:
    refused(arguments(tmp_path, *overrides), capsys, *words)
    assert not list(tmp_path.glob("artifacts/*/*"))

"""Hydra sweepers that search get a figure from every run."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from helpers import tiny

pytestmark = pytest.mark.slow


def test_optuna_maximises_the_objective(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="the extra optuna")

    tiny.run(
        tmp_path,
        "-m",
        "stage=train",
        "trainer.max_epochs=1",
        "hydra/sweeper=optuna",
        "hydra.sweeper.direction=maximize",
        "hydra.sweeper.n_trials=2",
        "hydra.sweeper.n_jobs=1",
        "dp_rate=interval(0,1)",
    )

    (results,) = tmp_path.glob("sweeps/*/optimization_results.yaml")
    best = yaml.safe_load(results.read_text())
    reached = [m["metrics"]["val"]["mAP"] for m in tiny.manifests(tmp_path)["train"]]
    assert len(reached) == 2
    assert best["best_value"] == max(reached)

"""A training that diverges ends in one line and leaves no result."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from helpers import tiny

from wsss.engine.artifacts import write_json
from wsss.errors import UserError
from wsss.training.divergence import refuse_divergence

HUGE = "1e30"


@pytest.mark.parametrize(
    ("stage", "overrides"),
    [
        ("train", (f"optimizer.lr={HUGE}",)),
        ("prune", (f"pruning.lr={HUGE}",)),
        ("segment", (f"segmenter.lr={HUGE}",)),
        ("segment", (f"segmenter.lr={HUGE}", "segmenter.rounds=2")),
        ("ceiling", (f"segmenter.lr={HUGE}",)),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_any_training(
    stage: str, overrides: tuple[str, ...], finished: Path, tmp_path: Path
) -> None:
    outputs = tmp_path / "copy"
    shutil.copytree(finished, outputs, symlinks=True)
    before = tiny.hashes(outputs)
    trainer = ("trainer.gradient_clip=null",)

    done = tiny.run(outputs, f"stage={stage}", *overrides, *_own(stage, trainer), check=False)

    key = overrides[0].partition("=")[0]
    assert done.returncode == 2, done.stdout
    (line,) = [line for line in done.stderr.splitlines() if "error" in line]
    assert "training has diverged" in line and f"lower {key}" in line and "in epoch" in line
    assert tiny.hashes(outputs) == before


def _own(stage: str, trainer: tuple[str, ...]) -> tuple[str, ...]:
    """Clipping hides a rate from train; later stages would need another classifier."""
    return trainer if stage == "train" else ()


def test_only_losses_count() -> None:
    refuse_divergence({"val/mAP": math.nan, "train/loss": 0.0}, 0, "optimizer.lr")
    with pytest.raises(UserError, match=r"val/loss is inf in epoch 3; lower optimizer.lr"):
        refuse_divergence({"train/loss": 1.0, "val/loss": math.inf}, 2, "optimizer.lr")


def test_written_json_has_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "x", {"a": [math.nan, 1.0], "b": math.inf, "c": (0.0,)})
    assert json.loads((tmp_path / "x").read_text()) == {"a": [None, 1.0], "b": None, "c": [0.0]}

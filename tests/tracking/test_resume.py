"""A command that is killed and given again goes on in the same MLflow runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import tiny
from helpers.command_line import run_main
from helpers.paused_training import paused
from helpers.waiting import wait_for

from wsss.tracking.mlflow_client import connect

pytestmark = pytest.mark.slow

EPOCHS = 10


def test_killed_training_goes_on_in_the_same_run(uri: str, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    command = tiny.command(
        outputs,
        "stage=train",
        f"trainer.max_epochs={EPOCHS}",
        f"tracking.uri={uri}",
        tracking="mlflow",
    )
    with paused(command, gate=tmp_path / "never", step=EPOCHS // 2) as training:
        wait_for(lambda: training.poll() is not None or len(_losses(uri)) > 0)
        training.kill()
        _, complaint = training.communicate(timeout=300)
    assert training.returncode < 0, complaint
    before, started = _losses(uri), _run_ids(uri)
    assert 0 < len(before) < EPOCHS and len(started) == 2

    again = tiny.run_command(command)

    assert "epoch 1:" not in again.stdout and "wait" not in again.stderr
    assert _run_ids(uri) == started
    losses = _losses(uri)
    assert set(before) <= set(losses)
    assert sorted(step for step, _ in losses) == list(range(EPOCHS))


def test_a_stage_killed_before_its_record_is_recorded_later(
    uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = tiny.command(
        tmp_path, "stage=train", "trainer.max_epochs=0", f"tracking.uri={uri}", tracking="mlflow"
    )[3:]
    assert run_main(arguments, capsys)[0] == 0
    (events,) = tmp_path.glob("runs/*/events.jsonl")
    lines = events.read_text().splitlines(keepends=True)
    kinds = [json.loads(line)["kind"] for line in lines]
    events.write_text("".join(lines[: kinds.index("metrics")]))

    assert "up to date" in run_main(arguments, capsys)[1]

    run = connect(uri).get_run(_run_ids(uri)["train"])
    assert run.info.status == "FINISHED" and run.data.metrics["epochs"] == 0


def _run_ids(uri: str) -> dict[str, str]:
    """MLflow's id of each run, by stage."""
    runs = connect(uri).search_runs(["1"])
    assert len({r.info.run_id for r in runs}) == len(runs)
    return {r.data.tags.get("stage", "experiment"): r.info.run_id for r in runs}


def _losses(uri: str) -> list[tuple[int, float]]:
    """Step and value of the training loss."""
    client = connect(uri)
    if client.get_experiment_by_name("wsss") is None or "train" not in (ids := _run_ids(uri)):
        return []
    return [(m.step, m.value) for m in client.get_metric_history(ids["train"], "train/loss")]

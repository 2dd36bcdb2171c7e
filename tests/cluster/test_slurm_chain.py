"""Stages as SLURM jobs: chained, shared, failing, cancelled. All against a real cluster."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import tiny
from helpers.cluster import Cluster


def test_six_stages_give_the_same_bits_as_without_slurm(cluster: Cluster, finished: Path) -> None:
    rows = cluster.submit()

    assert [row[0] for row in rows] == [*tiny.STAGES]
    assert all(row[2] == "submitted" for row in rows)
    cluster.wait()
    assert tiny.hashes(cluster.outputs) == tiny.hashes(finished)
    (run,) = (cluster.outputs / "runs").iterdir()
    assert all((run / stage / "manifest.json").exists() for stage in tiny.STAGES)
    shown = cluster.status()
    assert shown.returncode == 0 and shown.stdout.count("up to date") == 6


@pytest.fixture
def held() -> Iterator[str]:
    """Resources with which no training starts."""
    set_state = ("scontrol", "update", "PartitionName=debug")
    subprocess.run([*set_state, "State=DOWN"], check=True)
    yield "launch.resources.train.partition=debug"
    subprocess.run([*set_state, "State=UP"], check=True)


def test_a_sweep_has_one_job_for_each_artifact(cluster: Cluster, held: str) -> None:
    stages = "stage=[train,prune,extract,generate]"
    sweep = ("dp_rate=0,0.25,0.5", "pseudo_mask=argmax,paper", "pruning=none", stages, held)

    rows = cluster.submit("-m", *sweep)

    jobs = {row[1]: row[0] for row in rows}
    assert len(rows) == 24
    assert Counter(jobs.values()) == {"train": 3, "prune": 3, "extract": 3, "generate": 6}
    assert set(jobs) == cluster.queued()
    # Another command that wants the same, and more, waits for the same jobs.
    later = cluster.submit("dp_rate=0.5", "pseudo_mask=argmax", "pruning=none", "stage=all", held)
    shared = [row[2] for row in later]
    assert shared == ["shared"] * 4 + ["submitted"] * 2

    cancelled = cluster.status("--cancel")

    assert "cancelled 17 jobs" in cancelled.stdout
    cluster.wait()


def test_a_failed_stage_takes_its_dependants_down_and_can_be_submitted_again(
    cluster: Cluster, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished / "data", tmp_path / "data")
    mended = tmp_path / "mended"
    fails = f"launch.resources.prune.setup=['test -e {mended} || exit 3']"
    cluster.submit("stage=[train,prune,extract,generate]", fails)
    cluster.wait()

    shown = cluster.status()

    assert shown.returncode == 1
    lines = {line.split()[1]: line for line in shown.stdout.splitlines() if ": job " in line}
    assert "FAILED (exit 3:0)" in lines["prune:"]
    assert shown.stdout.count("cancelled") == 2
    assert [m["stage"] for made in tiny.manifests(tmp_path).values() for m in made] == ["train"]

    mended.touch()
    refused = cluster.status("--rerun")
    assert refused.returncode == 2 and f"test -e {mended}" in refused.stdout
    assert not cluster.queued()

    again = cluster.status("--rerun", "--trust")

    assert "up to date" in again.stdout
    cluster.wait()
    assert cluster.status().stdout.count("up to date") == 4
    built = tiny.hashes(tmp_path)
    assert built == {key: value for key, value in tiny.hashes(finished).items() if key in built}


def test_a_stage_ends_in_one_line_that_names_the_mistake(cluster: Cluster) -> None:
    cluster.submit("stage=train", "trainer.accelerator=gpu")
    cluster.wait()

    shown = cluster.status()

    assert "FAILED (exit 2:0)" in shown.stdout
    assert "error: trainer.accelerator is 'gpu', but none is visible" in shown.stdout
    assert "Traceback" not in shown.stdout


def test_shards_join_to_the_same_bits(cluster: Cluster, finished: Path, tmp_path: Path) -> None:
    for made in ("data", "artifacts/train", "artifacts/prune"):
        shutil.copytree(finished / made, tmp_path / made)
    three = ("launch.resources.extract.shards=2", "launch.resources.generate.shards=3")

    rows = cluster.submit("stage=[train,prune,extract,generate]", *three)

    assert [row[2:4] for row in rows[:2]] == [["up", "to"]] * 2
    cluster.wait()
    built = tiny.hashes(tmp_path)
    assert [key.split("/")[0] for key in built] == ["extract", "generate", "prune", "train"]
    assert built == {key: value for key, value in tiny.hashes(finished).items() if key in built}

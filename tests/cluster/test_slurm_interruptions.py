"""Jobs that SLURM interrupts end in the bits of those that it does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from helpers import tiny
from helpers.cluster import Cluster
from helpers.once import made_once

LONG = ("stage=train", "trainer.max_epochs=60", "pruning=none")


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Hashes of the training that no test interrupts."""
    return tiny.hashes(made_once(tmp_path_factory, "long", lambda path: tiny.run(path, *LONG)))


def stopped_in_mid_training(cluster: Cluster) -> int:
    """Id of the process that runs the only job, stopped: the job cannot end before its test."""
    cluster.wait_until(lambda: epochs_done(cluster.outputs) >= 3)
    job = rf"^\S*python\S* -u -m submitit\.core\._submit {cluster.outputs}/"
    found = subprocess.run(["pgrep", "-f", job], capture_output=True, text=True, check=True)
    (process,) = map(int, found.stdout.split())
    os.kill(process, signal.SIGSTOP)
    return process


def epochs_done(outputs: Path) -> int:
    """Lines of the history that the running stage writes."""
    (path, *_) = [*outputs.glob("artifacts/train/*/history.jsonl"), None]
    return 0 if path is None else len(path.read_text().splitlines())


def log_of(outputs: Path, job: str) -> str:
    return (outputs / "jobs" / f"{job}_0_log.out").read_text()


def test_requeued_in_mid_training(
    cluster: Cluster, uninterrupted: dict[str, dict[str, str]]
) -> None:
    ((_, job, *_),) = cluster.submit(*LONG)
    stopped_in_mid_training(cluster)

    subprocess.run(["scontrol", "requeue", job], check=True)  # SLURM wakes what it ends

    cluster.wait()
    assert tiny.hashes(cluster.outputs) == uninterrupted
    assert log_of(cluster.outputs, job).count("Starting with JobEnvironment") == 2
    assert log_of(cluster.outputs, job).count(" epoch 1:") == 1, "epochs were done again"


def test_preempted_goes_on_in_the_same_mlflow_run(
    cluster: Cluster, uninterrupted: dict[str, dict[str, str]]
) -> None:
    import mlflow

    ((_, job, *_),) = cluster.submit(*LONG, tracking="mlflow")
    process = stopped_in_mid_training(cluster)

    subprocess.run(["scancel", "--signal=USR2", job], check=True)  # as SLURM warns a job
    os.kill(process, signal.SIGCONT)

    cluster.wait()
    assert "requeued" in log_of(cluster.outputs, job).lower()
    assert tiny.hashes(cluster.outputs) == uninterrupted
    client = mlflow.MlflowClient(f"sqlite:///{cluster.outputs}/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name = 'wsss'")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 2 and {run.info.status for run in runs} == {"FINISHED"}
    (stage,) = [run for run in runs if run.data.tags.get("stage") == "train"]
    steps = [m.step for m in client.get_metric_history(stage.info.run_id, "train/loss")]
    assert sorted(steps) == list(range(60))


def test_out_of_time_in_mid_training(
    cluster: Cluster, uninterrupted: dict[str, dict[str, str]]
) -> None:
    limit = ("launch.resources.train.minutes=1", "launch.signal_seconds=5")
    ((_, job, *_),) = cluster.submit(*LONG, *limit)
    stopped_in_mid_training(cluster)  # SLURM wakes what it warns

    cluster.wait()
    assert "timed-out" in (cluster.outputs / "jobs" / f"{job}_0_log.err").read_text()
    assert tiny.hashes(cluster.outputs) == uninterrupted


def test_two_nodes_train_as_one_process_does(cluster: Cluster, tmp_path: Path) -> None:
    # 32 images in batches of 12: the last is smaller than the others.
    training = ("stage=train", "pruning=joint", "trainer.batch_size=12", "trainer.max_epochs=4")
    ((_, job, *_),) = cluster.submit(*training, "trainer.num_nodes=2")
    tiny.run(tmp_path / "one", *training)

    cluster.wait()

    one, two = (history(outputs) for outputs in (tmp_path / "one", cluster.outputs))
    assert len(one) == len(two) == 4
    for alone, together in zip(one, two, strict=True):
        assert alone.keys() == together.keys()
        for name in alone:
            assert abs(alone[name] - together[name]) <= 1e-4 * max(1, abs(alone[name])), name
    assert cluster.accounted(job, "NNodes,State") == ["2|COMPLETED"]


def history(outputs: Path) -> list[dict[str, float]]:
    (path,) = outputs.glob("artifacts/train/*/history.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]

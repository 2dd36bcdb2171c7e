"""Jobs that SLURM interrupts end in the bits of those that it does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from helpers import tiny
from helpers.cluster import Cluster

LONG = ("stage=train", "trainer.max_epochs=60", "pruning=none")


def uninterrupted(outputs: Path, *overrides: str) -> dict[str, dict[str, str]]:
    tiny.run(outputs, *overrides)
    return tiny.hashes(outputs)


def epochs_done(outputs: Path) -> int:
    """Lines of the history that the running stage writes."""
    (path, *_) = [*outputs.glob("artifacts/train/*/history.jsonl"), None]
    return 0 if path is None else len(path.read_text().splitlines())


def log_of(outputs: Path, job: str) -> str:
    return (outputs / "jobs" / f"{job}_0_log.out").read_text()


def test_requeued_in_mid_training(cluster: Cluster, tmp_path: Path) -> None:
    ((_, job, *_),) = cluster.submit(*LONG)
    cluster.wait_until(lambda: epochs_done(cluster.outputs) >= 3)

    subprocess.run(["scontrol", "requeue", job], check=True)

    cluster.wait(job)
    assert tiny.hashes(cluster.outputs) == uninterrupted(tmp_path / "whole", *LONG)
    assert log_of(cluster.outputs, job).count("Starting with JobEnvironment") == 2
    assert log_of(cluster.outputs, job).count(" epoch 1:") == 1, "epochs were done again"


def test_preempted_goes_on_in_the_same_mlflow_run(cluster: Cluster, tmp_path: Path) -> None:
    import mlflow

    ((_, job, *_),) = cluster.submit(*LONG, tracking="mlflow")
    cluster.wait_until(lambda: epochs_done(cluster.outputs) >= 3)

    subprocess.run(["scancel", "--signal=USR2", job], check=True)  # as SLURM warns a job

    cluster.wait(job)
    assert "requeued" in log_of(cluster.outputs, job).lower()
    assert tiny.hashes(cluster.outputs) == uninterrupted(tmp_path / "whole", *LONG)
    client = mlflow.MlflowClient(f"sqlite:///{cluster.outputs}/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name = 'wsss'")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 2 and {run.info.status for run in runs} == {"FINISHED"}
    (stage,) = [run for run in runs if run.data.tags.get("stage") == "train"]
    steps = [m.step for m in client.get_metric_history(stage.info.run_id, "train/loss")]
    assert sorted(steps) == list(range(60))


def test_out_of_time_in_mid_training(cluster: Cluster, tmp_path: Path) -> None:
    limit = ("launch.resources.train.minutes=1", "launch.signal_seconds=5")
    ((_, job, *_),) = cluster.submit(*LONG, *limit)
    cluster.wait_until(lambda: epochs_done(cluster.outputs) >= 3)

    # Or a fast machine is done before its time is up. SLURM wakes what it warns.
    os.kill(process_of(cluster.outputs), signal.SIGSTOP)

    cluster.wait(job, seconds=400)
    assert "timed-out" in (cluster.outputs / "jobs" / f"{job}_0_log.err").read_text()
    assert tiny.hashes(cluster.outputs) == uninterrupted(tmp_path / "whole", *LONG)


def process_of(outputs: Path) -> int:
    """Id of the process that runs the only job of these outputs."""
    job = rf"^\S*python\S* -u -m submitit\.core\._submit {outputs}/"
    found = subprocess.run(["pgrep", "-f", job], capture_output=True, text=True, check=True)
    (process,) = found.stdout.split()
    return int(process)


def test_two_nodes_train_as_one_process_does(cluster: Cluster, tmp_path: Path) -> None:
    # 32 images in batches of 12: the last is smaller than the others.
    training = ("stage=train", "pruning=joint", "trainer.batch_size=12", "trainer.max_epochs=4")
    ((_, job, *_),) = cluster.submit(*training, "trainer.num_nodes=2")
    tiny.run(tmp_path / "one", *training)

    cluster.wait(job)

    one, two = (history(outputs) for outputs in (tmp_path / "one", cluster.outputs))
    assert len(one) == len(two) == 4
    for alone, together in zip(one, two, strict=True):
        assert alone.keys() == together.keys()
        for name in alone:
            assert abs(alone[name] - together[name]) <= 1e-4 * max(1, abs(alone[name])), name
    nodes = subprocess.run(
        ["sacct", "-X", "-n", "-P", "-o", "NNodes,State", "-j", job], capture_output=True, text=True
    )
    assert nodes.stdout.strip() == "2|COMPLETED"


def history(outputs: Path) -> list[dict[str, float]]:
    (path,) = outputs.glob("artifacts/train/*/history.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]

"""Every key of launch=slurm reaches SLURM, or submitit.

Another sbatch stands in here, since the real one would refuse accounts and partitions that are not
there; it keeps the script that it is given.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.command_line import refused, run_main

SMALL = ("dataset.scenes_train=2", "dataset.scenes_val=1", "dataset.scenes_test=1")
SBATCH = """#!/bin/sh
number=$(ls {folder} | wc -l)
cp "$1" {folder}/$number.sh
echo "Submitted batch job $number"
"""
Submit = Callable[..., list[str]]


@pytest.fixture
def submit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Submit:
    """Submit stages and get the scripts."""
    programs, scripts = tmp_path / "bin", tmp_path / "scripts"
    programs.mkdir()
    scripts.mkdir()
    for name, text in {
        "sbatch": SBATCH.format(folder=scripts),
        "squeue": "#!/bin/sh\n",
        "srun": "#!/bin/sh\n",
    }.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    def run(*overrides: str, stage: str = "train") -> list[str]:
        status, printed, complaint = run_main(
            [
                f"paths.outputs={tmp_path}",
                "tracking=none",
                "launch=slurm",
                f"stage={stage}",
                *SMALL,
                *overrides,
            ],
            capsys,
        )
        assert status == 0, printed + complaint
        found = sorted(scripts.iterdir(), key=lambda path: int(path.stem))
        texts = [path.read_text() for path in found]
        for path in found:
            path.unlink()
        return texts

    return run


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("cpus=3", ["--cpus-per-task=3", "srun", "--cpus-per-task=3 --kill"]),
        ("gpus=2", ["--gpus-per-node=2"]),
        ("memory_gb=1.5", ["--mem=1536MB"]),
        ("minutes=7", ["--time=7"]),
        ("partition=fast", ["--partition=fast"]),
        ("qos=high", ["--qos=high"]),
        ("account=team", ["--account=team"]),
        ("constraint=a100", ["--constraint=a100"]),
        ("setup=[module load x, conda activate y]", ["module load x\nconda activate y\n"]),
    ],
)
def test_resources_of_a_stage(submit: Submit, override: str, expected: list[str]) -> None:
    (script,) = submit(f"launch.resources.train.{override}")
    for words in expected:
        assert words in script


def test_what_all_jobs_have_in_common(submit: Submit, tmp_path: Path) -> None:
    (script,) = submit(
        "launch.signal_seconds=30",
        "launch.python=apptainer exec wsss.sif python",
        "launch.requeues=7",
        "trainer.num_nodes=2",
        "trainer.devices=4",
        "launch.resources.train.gpus=1",
        "launch.resources.train.memory_gb=2",
    )

    assert "--signal=USR2@30" in script
    assert "apptainer exec wsss.sif python -u -m submitit" in script
    for words in ("--nodes=2", "--ntasks-per-node=4", "--gpus-per-node=4", "--mem=8192MB"):
        assert words in script
    (submitted,) = (tmp_path / "jobs").glob("*_submitted.pkl")
    job = pickle.loads(submitted.read_bytes())
    assert job._timeout_countdown == 7
    assert job.function.config["trainer"]["num_nodes"] == 2, "arguments alone, as plain values"


def test_stages_wait_for_what_they_read_and_shards_are_arrays(submit: Submit) -> None:
    train, prune, extract = submit(
        "launch.resources.extract.shards=5",
        "launch.resources.extract.array_parallelism=2",
        stage="[train,prune,extract]",
    )

    assert "dependency" not in train and "array" not in train
    assert "--dependency=afterok:0\n" in prune and "--kill-on-invalid-dep=yes" in prune
    assert "--dependency=afterok:0:1" in extract and "--array=0-4%2" in extract


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("launch.resources.train.shards=2", ["train.shards", "extract and generate"]),
        ("launch.resources.train.cpu=2", ["launch.resources.train.cpu", "did you mean 'cpus'"]),
        ("launch.resources.trian.cpus=2", ["launch.resources", "trian"]),
        ("+launch.resources.trian.cpus=2", ["launch.resources.trian", "did you mean 'train'"]),
        ("launch.resources.train.minutes=0", ["minutes", "at least 1"]),
        ("launch.requeues=-1", ["launch.requeues"]),
    ],
)
def test_bad_resources(
    override: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused([f"paths.outputs={tmp_path}", "launch=slurm", override], capsys, *words)


def test_debug_refuses_what_slurm_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = ["launch=debug", "launch.resources.train.shards=2", *SMALL]
    refused([f"paths.outputs={tmp_path}", *overrides], capsys, "train.shards")


def test_a_stage_that_reads_what_nothing_makes(
    submit: Submit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del submit  # its programs are on PATH
    arguments = [f"paths.outputs={tmp_path}", "launch=slurm", "stage=prune", *SMALL]
    refused(arguments, capsys, "'prune' reads 'train'", "stage=[train,prune]")


def test_without_slurm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    arguments = [f"paths.outputs={tmp_path}", "launch=slurm", *SMALL]
    refused(arguments, capsys, "squeue", "launch=local")

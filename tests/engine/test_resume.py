"""A stage that is killed goes on where it was and ends in the same bits."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from helpers import tiny
from helpers.killing import run_and_kill
from helpers.waiting import wait_for

pytestmark = pytest.mark.slow

#: For each stage, a file that appears in mid-work, and the number of them to wait for.
MIDWAY = {
    "train": (".work/last.ckpt", 1),
    "prune": (".work/last.ckpt", 1),
    "extract": ("train_*.safetensors", 1),
    "generate": ("train/*.tif", 5),
    "segment": (".work/last.ckpt", 1),
    "evaluate": ("figures/*.png", 1),
}


TWO_ROUNDS = ("stage=segment", "segmenter.rounds=2")


@pytest.fixture(scope="module")
def two_rounds(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished experiment, its segmenter trained twice."""
    outputs = tmp_path_factory.mktemp("two_rounds") / "copy"
    shutil.copytree(finished, outputs, symlinks=True)
    shutil.rmtree(outputs / "artifacts" / "segment")
    tiny.run(outputs, *TWO_ROUNDS)
    return outputs


@pytest.mark.parametrize(
    ("stage", "workers"), [*((stage, 0) for stage in MIDWAY), ("train", 2)], ids=str
)
def test_killed_in_mid_stage_then_run_again(
    stage: str, workers: int, finished: Path, tmp_path: Path
) -> None:
    outputs = tmp_path / "copy"
    shutil.copytree(finished, outputs, symlinks=True)
    (artifact,) = (path for path in (outputs / "artifacts" / stage).iterdir() if path.is_dir())
    shutil.rmtree(artifact)

    run_and_kill(tiny.command(outputs, f"stage={stage}"), artifact, *MIDWAY[stage])
    again = tiny.run(outputs, f"stage={stage}", f"trainer.num_workers={workers}")

    assert "up to date" not in again.stdout
    assert tiny.hashes(outputs) == tiny.hashes(finished)
    if (artifact / "history.jsonl").exists():
        # Epochs done before the kill were not done again.
        assert "epoch 1:" not in again.stdout


@pytest.mark.parametrize(
    ("pattern", "count"),
    [("last.ckpt", 1), ("round_2/train/*.tif", 5), ("round_2/last.ckpt", 1)],
)
def test_killed_in_any_round(
    pattern: str, count: int, finished: Path, two_rounds: Path, tmp_path: Path
) -> None:
    outputs = tmp_path / "copy"
    shutil.copytree(finished, outputs, symlinks=True)
    shutil.rmtree(outputs / "artifacts" / "segment")
    artifact = next(two_rounds.glob("artifacts/segment/*/manifest.json")).parent
    artifact = outputs / artifact.relative_to(two_rounds)

    run_and_kill(tiny.command(outputs, *TWO_ROUNDS), artifact, f".work/{pattern}", count)
    again = tiny.run(outputs, *TWO_ROUNDS)

    assert "up to date" not in again.stdout and "epoch 1:" not in again.stdout
    assert tiny.hashes(outputs) == tiny.hashes(two_rounds)
    assert not (artifact / ".work").exists()


def test_an_artifact_without_manifest_is_never_taken_for_complete(
    finished: Path, tmp_path: Path
) -> None:
    outputs = tmp_path / "copy"
    shutil.copytree(finished, outputs, symlinks=True)
    (manifest,) = outputs.glob("artifacts/generate/*/manifest.json")
    manifest.unlink()

    refused = tiny.run(outputs, "stage=segment", "segmenter.max_epochs=1", check=False)

    assert refused.returncode == 2
    assert "stage=[generate,segment]" in refused.stderr


def test_a_damaged_artifact_is_built_again(finished: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "copy"
    shutil.copytree(finished, outputs, symlinks=True)
    for damaged in (
        next(outputs.glob("artifacts/extract/*/train_*.safetensors")),
        next(outputs.glob("artifacts/generate/*/train/*.tif")),
    ):
        damaged.write_bytes(damaged.read_bytes()[:100])

    tiny.run(outputs, "stage=[extract,generate]")

    assert tiny.hashes(outputs) == tiny.hashes(finished)


def test_a_kill_between_the_last_file_and_the_manifest(finished: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "copy"
    shutil.copytree(finished, outputs, symlinks=True)
    for manifest in outputs.glob("artifacts/*/*/manifest.json"):
        manifest.unlink()

    tiny.run(outputs)

    assert tiny.hashes(outputs) == tiny.hashes(finished)


def test_two_processes_build_an_artifact_once(tmp_path: Path) -> None:
    both = [
        subprocess.Popen(
            tiny.command(tmp_path, "stage=train"),
            cwd=tiny.REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=600)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sum("epoch 1:" in text for text in outputs) == 1


def test_a_terminated_sweep_stops_at_once(tmp_path: Path) -> None:
    sweep = tiny.command(tmp_path, "-m", "stage=train", "trainer.max_epochs=200", "seed=0,1")
    process = subprocess.Popen(
        sweep, cwd=tiny.REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    midway = tmp_path / "artifacts" / "train"
    wait_for(lambda: list(midway.glob("*/.work/last.ckpt")) or process.poll() is not None)

    process.terminate()

    assert process.wait(timeout=300) == 143
    assert not list(tmp_path.glob("artifacts/train/*/manifest.json"))

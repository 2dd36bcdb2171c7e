"""What an interruption or a power loss left is verified before it is used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import tiny
from helpers.killing import run_and_kill

from wsss.runs.manifest import MANIFEST


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _shorter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [_zeros, _shorter, _empty])
@pytest.mark.parametrize(
    ("stage", "pattern"), [("extract", "train_*.safetensors"), ("generate", "train/*.tif")]
)
def test_a_broken_leftover_is_made_anew(
    stage: str, pattern: str, spoil: Callable[[Path], None], finished: Path, tmp_path: Path
) -> None:
    outputs = tmp_path / "copy"
    shutil.copytree(finished, outputs, symlinks=True)
    (manifest,) = outputs.glob(f"artifacts/{stage}/*/{MANIFEST}")
    manifest.unlink()
    spoil(sorted(manifest.parent.glob(pattern))[0])

    tiny.run(outputs, f"stage={stage}")

    assert tiny.hashes(outputs) == tiny.hashes(finished)


@pytest.mark.parametrize("spoil", [_zeros, _shorter])
def test_a_broken_checkpoint_starts_from_the_beginning(
    spoil: Callable[[Path], None], finished: Path, tmp_path: Path
) -> None:
    outputs = tmp_path / "copy"
    shutil.copytree(finished, outputs, symlinks=True)
    (artifact,) = (path for path in (outputs / "artifacts/train").iterdir() if path.is_dir())
    shutil.rmtree(artifact)
    run_and_kill(tiny.command(outputs, "stage=train"), artifact, ".work/last.ckpt", 1)
    spoil(artifact / ".work/last.ckpt")

    done = tiny.run(outputs, "stage=train")

    assert "last.ckpt is damaged; training starts from the beginning" in done.stderr
    assert tiny.hashes(outputs) == tiny.hashes(finished)


def test_the_best_epoch_is_remembered_in_another_folder(tmp_path: Path) -> None:
    quick = ("stage=train", "trainer.select=best", "trainer.max_epochs=6", "optimizer.lr=0.05")
    tiny.run(tmp_path / "once", *quick)
    (whole,) = (p.parent.name for p in tmp_path.glob(f"once/artifacts/train/*/{MANIFEST}"))
    run_and_kill(
        tiny.command(tmp_path / "first", *quick),
        tmp_path / "first/artifacts/train" / whole,
        ".work/best.ckpt",
        1,
    )
    (tmp_path / "first").rename(tmp_path / "second")
    tiny.run(tmp_path / "second", *quick)
    assert tiny.hashes(tmp_path / "second") == tiny.hashes(tmp_path / "once")

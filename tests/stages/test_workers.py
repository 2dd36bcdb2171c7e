"""Processes beside the first read images and make masks; what comes out is the same."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import torch
from helpers import tiny
from rich.console import Console

from wsss.config.composing import compose_config
from wsss.data.open import open_dataset
from wsss.engine.artifacts import Artifact
from wsss.engine.stage import WHOLE, Context
from wsss.stages.generation import Masks
from wsss.tracking import RunLog


def test_workers_change_no_bit_and_resume_what_they_left(finished: Path, tmp_path: Path) -> None:
    stages = "stage=[train,prune,extract,generate]"
    tiny.run(tmp_path, stages, "launch.workers=2")

    before, now = tiny.hashes(finished), tiny.hashes(tmp_path)
    assert now == {key: files for key, files in before.items() if key in now}
    assert len(now) == 4

    (masks,) = (tmp_path / "artifacts" / "generate").glob("*[!k]")
    (masks / "manifest.json").unlink()
    written = sorted((masks / "train").iterdir())
    for path in written[::2]:
        path.unlink()
    kept = {path: path.stat().st_mtime_ns for path in written[1::2]}
    tiny.run(tmp_path, stages, "launch.workers=2")

    assert tiny.hashes(tmp_path) == now
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_what_a_worker_cannot_read_is_named_in_one_line(finished: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    shutil.copytree(finished, outputs, symlinks=True)
    broken = next((outputs / "data").glob("synthetic*[0-9]/ROIs0000_validation/s2_0/*.tif"))
    size = broken.stat().st_size
    broken.write_bytes(broken.read_bytes()[: size // 2].ljust(size))

    # Only the reported split has that file, so that training does not read it.
    overrides = ["stage=[train,prune,extract]", "attention=plain", "launch.workers=1"]
    done = tiny.run_command(tiny.command(outputs, *overrides), check=False)

    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ") and broken.name in line


def test_masks_are_made_the_same_in_a_spawned_process(finished: Path, tmp_path: Path) -> None:
    config = compose_config(f"paths.outputs={finished}", *tiny.TINY)
    dataset = open_dataset(config.dataset)
    (maps,) = (finished / "artifacts" / "extract").glob("*[!k]")
    log, quiet = RunLog(tmp_path / "log", "probe", ""), Console(quiet=True)

    def masks(name: str) -> Masks:
        artifact = Artifact(tmp_path / name, "generate", 1, {}, {})
        (artifact.path / "val").mkdir(parents=True)
        context = Context(config, dataset, artifact, {"extract": maps}, log, quiet)
        return Masks(context, "val", WHOLE)

    here, there = masks("here"), pickle.loads(pickle.dumps(masks("there")))  # as spawning does

    assert len(here) == len(there) == 12
    assert all(torch.equal(here[number], there[number]) for number in range(12))

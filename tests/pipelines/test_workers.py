"""Processes beside the first read images and make masks; what comes out is the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import tiny


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
    broken = next((outputs / "data").glob("synthetic*[0-9]/*/s2_0/*.tif"))
    size = broken.stat().st_size
    broken.write_bytes(broken.read_bytes()[: size // 2].ljust(size))

    overrides = ["stage=extract", "attention=plain", "launch.workers=1"]
    done = tiny.run(outputs, *overrides, check=False)

    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ") and broken.name in line

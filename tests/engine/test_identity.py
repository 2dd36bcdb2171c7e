"""Artifacts are what their manifests say, made by the code and from the data of today."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny

import wsss.engine.artifacts
import wsss.engine.sources
from wsss.engine.sources import changed_sources, stage_sources
from wsss.engine.stage import Context, Metrics
from wsss.runs.manifest import MANIFEST, read_manifest
from wsss.runs.results import read_metrics
from wsss.stages import generation


@pytest.fixture
def outputs(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished experiment."""
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy, symlinks=True)
    return copy


def artifact(outputs: Path, stage: str) -> Path:
    (found,) = (
        path.parent for path in outputs.glob(f"artifacts/{stage}/????????????????/{MANIFEST}")
    )
    return found


def flip(path: Path) -> None:
    """Change one byte in the middle; the size stays."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def swap_masks(generate: Path) -> None:
    one, two = sorted((generate / "test").glob("*.tif"))[:2]
    one.rename(generate / "x")
    two.rename(one)
    (generate / "x").rename(two)


TAMPERED = {
    "A2 masks swapped": ("generate", swap_masks, "has been changed"),
    "A2 weights": ("segment", lambda d: flip(d / "segmenter.safetensors"), "has been changed"),
    "A2 map shard": ("extract", lambda d: flip(next(d.glob("test_*"))), "has been changed"),
    "A2 metrics": ("evaluate", lambda d: flip(d / "metrics.json"), "has been changed"),
    "A2 manifest": (
        "evaluate",
        lambda d: (d / MANIFEST).write_text((d / MANIFEST).read_text().replace("0.", "1.", 1)),
        "has been changed",
    ),
    "C manifest null": ("train", lambda d: (d / MANIFEST).write_text("null"), "is not a manifest"),
    "file gone": ("train", lambda d: (d / "classifier.json").unlink(), "is missing"),
}


@pytest.mark.parametrize("fault", TAMPERED)
def test_damage_is_named_and_made_anew(fault: str, outputs: Path, finished: Path) -> None:
    stage, damage, words = TAMPERED[fault]
    place = artifact(outputs, stage)
    damage(place)

    printed = " ".join(tiny.run(outputs, f"stage={stage}").stdout.split())

    assert words in printed and f"kept as {place.name}.damaged" in printed
    assert place.with_suffix(".damaged").is_dir()
    assert tiny.hashes(outputs).items() >= tiny.hashes(finished).items()


def test_a_damaged_input_is_refused(outputs: Path) -> None:
    shutil.rmtree(artifact(outputs, "segment"))
    swap_masks(artifact(outputs, "generate"))
    done = tiny.run(outputs, "stage=segment", check=False)
    assert done.returncode == 2
    assert "has been changed since it was written; add it: stage=[generate,segment]" in done.stderr


PLANTED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "mask": ("generate", lambda d: (d / "test" / "planted.png").touch(), "test/planted.png"),
    "map shard": (
        "extract",
        lambda d: shutil.copy(next(d.glob("test_*")), d / "test_00009.safetensors"),
        "test_00009.safetensors",
    ),
    "folder": ("extract", lambda d: shutil.copytree(d, d / "figures" / "more"), "figures/more/"),
    "link": ("train", lambda d: (d / "gates.json").symlink_to("/dev/null"), "gates.json"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_file_is_not_read_and_nothing_is_lost(what: str, outputs: Path) -> None:
    stage, plant, name = PLANTED[what]
    place = artifact(outputs, stage)
    plant(place)
    before = tiny.hashes(outputs)
    done = tiny.run(outputs, check=False)
    assert done.returncode == 2
    assert name in done.stderr and "is no result of this stage" in done.stderr
    assert tiny.hashes(outputs) == before and place.is_dir()
    assert tiny.run(outputs, f"rebuild=[{stage}]").returncode == 0


def test_hidden_files_are_no_damage(outputs: Path) -> None:
    """As those of file browsers, of network file systems, and of a process that still writes."""
    place = artifact(outputs, "generate")
    for name in (".DS_Store", "test/.nfs0001", "test/.0.partial", "Thumbs.db", "test/0.aux.xml"):
        (place / name).touch()
    assert tiny.run(outputs).stdout.count("up to date") == 6


def test_a_planted_mask_is_not_trained_on(outputs: Path) -> None:
    shutil.rmtree(artifact(outputs, "segment"))
    (artifact(outputs, "generate") / "train" / "planted.png").touch()
    done = tiny.run(outputs, "stage=segment", check=False)
    assert done.returncode == 2
    assert "train/planted.png is no result of this stage" in done.stderr


def test_what_is_changed_while_a_stage_runs_is_noticed(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by another process: the classifier is intact when the run begins, not when it is read."""
    for stage in ("generate", "segment"):
        shutil.rmtree(artifact(outputs, stage))
    generate = generation.generate

    def meanwhile(context: Context) -> Metrics:
        flip(artifact(outputs, "train") / "classifier.safetensors")
        return generate(context)

    monkeypatch.setattr(generation, "generate", meanwhile)
    done = tiny.run(outputs, "stage=[train,generate,segment]", check=False)

    assert done.returncode == 2 and "train" in done.stdout
    assert "classifier.safetensors has been changed since it was written" in done.stderr


def test_a_run_compares_each_artifact_once(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[Path] = []

    def read(directory: Path, memory: Path | None) -> dict[str, Any] | None:
        compared.append(directory)
        return read_manifest(directory, memory)

    monkeypatch.setattr(wsss.engine.artifacts, "read_manifest", read)
    assert tiny.run(outputs).stdout.count("up to date") == 6
    assert sorted(compared) == sorted(artifact(outputs, stage) for stage in tiny.STAGES)


def test_comparing_refuses_changed_metrics(outputs: Path) -> None:
    (run,) = (outputs / "runs").iterdir()
    assert read_metrics(run, "evaluate")
    metrics = artifact(outputs, "evaluate") / "metrics.json"
    metrics.write_text(metrics.read_text().replace("0.", "9.", 1))
    done = tiny.run_command([*tiny.command(outputs)[:1], "-m", "wsss.compare", str(outputs)], False)
    assert done.returncode == 2
    assert "metrics.json has been changed since it was written" in done.stderr


def test_an_error_of_the_disk_is_no_damage(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = artifact(outputs, "train")
    opened = os.open

    def fail(path: Any, *rest: Any, **more: Any) -> int:
        if path == place / MANIFEST:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return opened(path, *rest, **more)

    monkeypatch.setattr("os.open", fail)
    done = tiny.run(outputs, "stage=train", check=False)

    assert done.returncode == 2 and "Input/output error" in done.stderr, done.stderr
    assert (place / "classifier.safetensors").is_file()


def test_other_code_is_said(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "wsss/pseudo_masks/rules/adaptive.py"
    sources = stage_sources("generate")
    monkeypatch.setattr(
        wsss.engine.sources,
        "stage_sources",
        lambda stage: sources | {rule: "0"} if stage == "generate" else stage_sources(stage),
    )
    printed = tiny.run(outputs).stdout
    assert f"made by other code: {rule} differs; rebuild=[generate] makes it anew" in printed
    assert printed.count("made by other code") == 1
    assert printed.count("up to date") == 6


def test_sources_are_what_a_stage_reaches() -> None:
    generate, train = stage_sources("generate"), stage_sources("train")
    assert "wsss/pseudo_masks/rules/adaptive.py" in generate
    assert "wsss/data/files/raster.py" in generate.keys() & train.keys()
    assert "wsss/training/masking.py" in train and "wsss/training/masking.py" not in generate
    assert not any(name.startswith(("wsss/config", "wsss/engine")) for name in train)
    assert changed_sources("train", train) == []
    assert changed_sources("train", {**train, "wsss/data/fit.py": "0"}) == ["wsss/data/fit.py"]


def test_rebuild_makes_a_stage_anew(outputs: Path, finished: Path) -> None:
    place = artifact(outputs, "generate")
    before = (place / MANIFEST).stat().st_ino

    tiny.run(outputs, "rebuild=[generate]")

    assert (place / MANIFEST).stat().st_ino != before
    assert [p.name for p in place.parent.iterdir() if p.is_dir()] == [place.name]
    assert tiny.hashes(outputs) == tiny.hashes(finished)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("rebuild=[generat]",), "did you mean 'generate'"),
        (("stage=train", "rebuild=[generate]"), "which stage=train does not run"),
    ],
)
def test_rebuild_names_stages_that_run(overrides: list[str], words: str, tmp_path: Path) -> None:
    done = tiny.run(tmp_path, *overrides, check=False)
    assert done.returncode == 2 and words in done.stderr


def test_what_was_made_from_other_results_is_made_anew(outputs: Path) -> None:
    """As after a rebuild by other code: the fingerprint is the same, the content is not."""
    place = artifact(outputs, "generate")
    for path in (place / MANIFEST, place / "metrics.json"):
        path.unlink()
    mask = sorted((place / "train").glob("*.tif"))[0]
    shutil.copyfile(sorted((place / "train").glob("*.tif"))[1], mask)  # kept when resumed
    tiny.run(outputs, "stage=generate")

    printed = " ".join(tiny.run(outputs, "stage=segment").stdout.split())
    assert "was made from another artifact of generate; made anew" in printed


def test_outputs_can_be_moved_and_copied(outputs: Path, tmp_path: Path) -> None:
    (run,) = (outputs / "runs").iterdir()
    moved = outputs.rename(tmp_path / "moved")
    printed = tiny.run(moved).stdout
    assert printed.count("up to date") == 6

    copy = tmp_path / "second"
    shutil.copytree(moved, copy, symlinks=True)
    metrics = artifact(moved, "evaluate") / "metrics.json"
    was = read_metrics(copy / "runs" / run.name, "evaluate")
    metrics.write_text("{}")
    assert read_metrics(copy / "runs" / run.name, "evaluate") == was


def test_links_of_older_runs_stay_within_their_outputs(outputs: Path, tmp_path: Path) -> None:
    (run,) = (outputs / "runs").iterdir()
    link = run / "evaluate"
    link.unlink()
    link.symlink_to(artifact(outputs, "evaluate").absolute())
    copy = tmp_path / "second"
    shutil.copytree(outputs, copy, symlinks=True)
    shutil.rmtree(artifact(outputs, "evaluate"))
    assert read_metrics(copy / "runs" / run.name, "evaluate")
    assert json.loads((copy / "runs" / run.name / "config.json").read_text())

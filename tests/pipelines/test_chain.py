"""The real command line through all six stages."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from helpers import tiny

from wsss.engine.registry import CHAIN, find_stage

pytestmark = pytest.mark.slow

STAGES = [*CHAIN]


def test_every_stage_leaves_a_complete_artifact(finished: Path) -> None:
    manifests = tiny.manifests(finished)

    assert sorted(manifests) == sorted(STAGES)
    for stage, (manifest,) in manifests.items():
        directory = finished / "artifacts" / stage / manifest["fingerprint"]
        assert json.loads((directory / "metrics.json").read_text()) == manifest["metrics"]
        assert not (directory / ".work").exists()
        assert {"seed", "versions", "git_commit", "upstream", "inputs"} <= set(manifest)


def test_upstream_fingerprints_name_the_artifacts_that_were_read(finished: Path) -> None:
    manifests = {stage: members[0] for stage, members in tiny.manifests(finished).items()}

    for name in CHAIN:
        assert manifests[name]["upstream"] == {
            read: manifests[read]["fingerprint"] for read in find_stage(name).upstream
        }


def test_pseudo_masks_lie_where_their_images_lie(finished: Path) -> None:
    (artifact,) = (finished / "artifacts" / "generate").glob("*[!k]")
    (root,) = (finished / "data").glob("synthetic*[0-9]")
    paths = sorted(artifact.glob("*/*.tif"))

    assert len(paths) == 56
    folder, _, patch = paths[0].stem.partition("_")
    source = root / f"ROIs0000_{folder}" / "s2_0" / f"ROIs0000_{folder}_s2_0_{patch}.tif"
    with rasterio.open(paths[0]) as mask, rasterio.open(source) as image:
        assert (mask.crs, mask.transform, mask.bounds) == (image.crs, image.transform, image.bounds)
        assert mask.nodata == 255 and mask.tags()["CLASS_0"] == "Forest"
        assert mask.colormap(1)[0] != mask.colormap(1)[7]
        assert mask.read(1).max() < 8


def test_masks_show_only_classes_the_image_is_labelled_with(finished: Path) -> None:
    (artifact,) = (finished / "artifacts" / "generate").glob("*[!k]")
    (labels,) = (finished / "data").glob("synthetic*/labels.csv")
    header, *rows = [line.split(",") for line in labels.read_text().splitlines()]
    allowed = {row[0]: {i for i, cell in enumerate(row[1:]) if cell == "1"} for row in rows}

    assert len(header) == 9
    for path in artifact.glob("*/*.tif"):
        with rasterio.open(path) as mask:
            assert set(np.unique(mask.read(1)).tolist()) <= allowed[path.stem]


def test_results_name_the_rule_they_follow(finished: Path) -> None:
    metrics = tiny.manifests(finished)["evaluate"][0]["metrics"]
    rule = metrics["pseudo_mask"]["test"]["rule"]

    assert rule["split"] == "synthetic/test" and rule["image_labels"] == "given"
    assert rule["image_size"] == "original" and rule["ignore_index"] == 255
    assert metrics["segmenter"]["test"]["rule"]["image_labels"] == "none"
    assert 0 <= metrics["segmenter"]["test"]["miou"] <= 1


def test_figures_are_drawn(finished: Path) -> None:
    figures = {path.name for path in finished.glob("artifacts/evaluate/*/figures/*.png")}

    assert {"predictions.png", "confusion_segmenter.png"} <= figures
    assert {"curves_train.png", "curves_segment.png", "iou_per_class.png"} <= figures


def test_a_rerun_builds_nothing(finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.glob("artifacts/*/*/*")}

    done = tiny.run(finished)

    assert done.stdout.count("up to date") == 6
    assert {p: p.stat().st_mtime_ns for p in finished.glob("artifacts/*/*/*")} == before


def test_another_process_gives_the_same_bits(finished: Path, tmp_path: Path) -> None:
    tiny.run_command(tiny.command(tmp_path, "trainer.num_workers=1", "dataset.cache_mb=0"))

    assert tiny.hashes(tmp_path) == tiny.hashes(finished)


def test_only_what_depends_on_a_setting_is_built_again(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "copy", symlinks=True)

    done = tiny.run(tmp_path / "copy", "pseudo_mask=paper", "stage=[extract,generate]")

    assert [("up to date" in line) for line in _table(done.stdout)] == [True, False]


def test_a_sweep_shares_what_its_points_have_in_common(tmp_path: Path) -> None:
    done = tiny.run(
        tmp_path,
        "-m",
        "stage=train",
        "trainer.max_epochs=1",
        "dp_rate=0,0.5",
        "masking=random,none",
    )

    rows = _table(done.stdout)
    # Without masking the rate means nothing, so the fourth point is the third.
    assert [("up to date" in row) for row in rows] == [False, False, False, True]
    assert len(tiny.manifests(tmp_path)["train"]) == 3


def test_the_ceiling_is_named_apart_and_read_by_nothing(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "copy", symlinks=True)

    done = tiny.run(tmp_path / "copy", "stage=ceiling")

    assert "fully supervised" in done.stdout
    assert all("ceiling" not in find_stage(name).upstream for name in CHAIN)


def test_without_pruning_the_classifier_passes_through(finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy, symlinks=True)

    tiny.run(copy, "pruning=none", "stage=[train,prune]")

    (through,) = [m for m in tiny.manifests(copy)["prune"] if "penalty" not in str(m["inputs"])]
    (trained,) = tiny.manifests(copy)["train"]
    weights = "classifier.safetensors"
    assert through["files"][weights]["sha256"] == trained["files"][weights]["sha256"]


def test_help_shows_stages_groups_and_examples() -> None:
    text = tiny.run_command([*tiny.command(Path("unused"))[:3], "--help"]).stdout

    for word in (*STAGES, "masking: none, patches, random, scheduled", "-m dp_rate=0,0.5"):
        assert word in text


def _table(output: str) -> list[str]:
    """The lines of the closing tables: one per stage that was asked for."""
    return [line for line in output.splitlines() if "artifacts/" in line]

"""Pixels that pseudo-masks leave unlabelled, in every stage and kind of file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import tiny
from helpers.command_line import refused, run_main
from helpers.copies import folder
from helpers.photographs import evaluated

from wsss.data.files.raster import read_index_mask

Capture = pytest.CaptureFixture[str]


@pytest.mark.slow
def test_uncertain_pixels_go_through_all_stages(tmp_path: Path, capsys: Capture) -> None:
    folder.make(tmp_path / "root")
    outputs = tmp_path / "outputs"
    band = "pseudo_mask.foreground_threshold=0.9"
    metrics = evaluated(tmp_path / "root", outputs, capsys, "pseudo_mask=argmax", band)

    (generated,) = tiny.manifests(outputs)["generate"]
    shares = generated["metrics"]["ignored"]
    masks = outputs / "artifacts" / "generate" / generated["fingerprint"]
    for split, share in shares.items():
        pixels = np.concatenate([read_index_mask(p).ravel() for p in masks.glob(f"{split}/*.png")])
        assert share == pytest.approx((pixels == 255).mean()) and 0 < share < 1
        assert share + sum(generated["metrics"]["coverage"][split].values()) == pytest.approx(1)
    assert metrics["pseudo_mask"]["test"]["unlabelled_share"] > 0
    assert metrics["segmenter"]["test"]["unlabelled_share"] == 0
    assert "foreground_threshold=0.9" in metrics["pseudo_mask"]["test"]["rule"]["threshold_from"]


def test_a_foreground_threshold_needs_a_background(tmp_path: Path, capsys: Capture) -> None:
    refused(
        [
            *(f"paths.outputs={tmp_path}", "tracking=none", *tiny.TINY),
            "pseudo_mask=argmax",
            "pseudo_mask.foreground_threshold=0.6",
        ],
        capsys,
        "pseudo_mask.foreground_threshold",
        "background",
        "pseudo_mask.margin",
    )
    assert not list(tmp_path.glob("artifacts/*/*/*"))


def test_uncertain_georeferenced_masks_and_their_export(
    finished: Path, tmp_path: Path, capsys: Capture
) -> None:
    copy = Path(shutil.copytree(finished, tmp_path / "copy", symlinks=True))
    margin = ("pseudo_mask.margin=0.3", "pseudo_mask.export=true", "stage=generate")
    status, printed, complaint = run_main(tiny.command(copy, *margin)[3:], capsys)
    assert status == 0 and "unlabelled" in printed, complaint
    (manifest,) = [
        m for m in tiny.manifests(copy)["generate"] if m["inputs"]["pseudo_mask"]["margin"] == 0.3
    ]
    directory = copy / "artifacts" / "generate" / manifest["fingerprint"]
    exported = np.load(next(directory.glob("pms_*.npy")))
    share = manifest["metrics"]["ignored"]["train"]
    assert (exported == 255).mean() == pytest.approx(share) and share > 0
    first = read_index_mask(min(directory.glob("train/*.tif")))
    assert np.array_equal(exported[0], first)

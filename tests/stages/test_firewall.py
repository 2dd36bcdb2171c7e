"""Nothing before ``evaluate`` can see a pixel mask."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import rasterio
from helpers import tiny

BEFORE_EVALUATION = ("train", "prune", "extract", "generate", "segment")


def test_noise_for_masks_changes_no_bit_before_evaluation(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "data", tmp_path / "data")
    generator = np.random.default_rng(0)
    masks = list(tmp_path.glob("data/*/ROIs0000_*/dfc_0/*.tif"))
    for path in masks:
        with rasterio.open(path, "r+") as mask:
            noise = generator.choice([1, 2, 4, 5, 6, 7, 9, 10], size=mask.shape)
            mask.write(noise.astype(np.uint8), 1)
    assert len(masks) == 56

    tiny.run(tmp_path)

    def outputs(directory: Path) -> dict[str, dict[str, str]]:
        return {k: v for k, v in tiny.hashes(directory).items() if not k.startswith("evaluate")}

    assert sorted({name.split("/")[0] for name in outputs(tmp_path)}) == sorted(BEFORE_EVALUATION)
    assert outputs(tmp_path) == outputs(finished)
    scores = [
        tiny.manifests(directory)["evaluate"][0]["metrics"]["segmenter"]["test"]["miou"]
        for directory in (finished, tmp_path)
    ]
    assert scores[0] != scores[1]


def test_without_masks_every_stage_but_the_last_runs(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "copy", symlinks=True)
    for folder in (tmp_path / "copy").glob("data/*/ROIs0000_*/dfc_0"):
        shutil.rmtree(folder)

    done = tiny.run(
        tmp_path / "copy", "pseudo_mask=paper", "stage=[train,prune,extract,generate,segment]"
    )
    refused = tiny.run(tmp_path / "copy", "pseudo_mask=paper", "stage=evaluate", check=False)

    assert done.stdout.count("up to date") == 3
    assert refused.returncode == 2
    assert "dfc_0" in refused.stderr and "Traceback" not in refused.stderr

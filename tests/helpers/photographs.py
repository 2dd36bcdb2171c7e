"""A tiny experiment on a folder of photographs with a background, in the test's process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from helpers import tiny
from helpers.command_line import run_main

SMALL = [
    "dataset=folder",
    "dataset.background=background",
    "dataset.image_size=32",
    *(a for a in tiny.TINY if not a.startswith(("dataset.", "trainer.max", "pruning", "segm"))),
    "trainer.max_epochs=4",
    "pruning=none",
    "segmenter.max_epochs=1",
    "segmenter.channels=[8,16]",
    "attention.scales=[1.0]",
    "evaluation.figure_images=1",
    "tracking=none",
]


def evaluated(
    root: Path, outputs: Path, capture: pytest.CaptureFixture[str], *overrides: str
) -> dict[str, Any]:
    """Run all stages and return the metrics of the evaluation, which must be a new one."""
    before = {m["fingerprint"] for m in tiny.manifests(outputs).get("evaluate", [])}
    arguments = [*SMALL, f"dataset.root={root}", f"paths.outputs={outputs}", *overrides]
    status, printed, complaint = run_main(arguments, capture)
    assert status == 0, printed + complaint
    every = tiny.manifests(outputs)["evaluate"]
    (manifest,) = [m for m in every if m["fingerprint"] not in before]
    metrics: dict[str, Any] = manifest["metrics"]
    return metrics


def odd_shapes(root: Path) -> Path:
    """Upright and wide pictures, of no whole number of patches; without a background class."""
    sizes = {f"p{number}": [(40, 61), (61, 40), (33, 33)][number % 3] for number in range(9)}
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (root / folder).mkdir()
    rows = ["image_id,a,b,split"]
    for number, (name, size) in enumerate(sizes.items()):
        pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        Pillow.fromarray(pixels).save(root / "images" / f"{name}.png")
        mask = rng.integers(0, 2, size, dtype=np.uint8)
        Pillow.fromarray(mask).save(root / "masks" / f"{name}.png")
        rows.append(f"{name},{number % 2},1,{('train', 'val', 'test')[number // 3]}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    (root / "classes.txt").write_text("a\nb\n")
    return root

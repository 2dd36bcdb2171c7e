"""The threshold curve is drawn on a split that is not reported, and says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.copies import folder
from helpers.photographs import evaluated
from PIL import Image as Pillow

from wsss.data.files.raster import read_index_mask

pytestmark = pytest.mark.slow

Capture = pytest.CaptureFixture[str]
ARGMAX = "pseudo_mask=argmax"  # the rule that has a threshold to choose


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("folder") / "root"
    folder.make(root)
    return root


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outputs")


def noise(folder: Path, pattern: str) -> None:
    rng = np.random.default_rng(0)
    paths = list(folder.glob(pattern))
    assert paths
    for path in paths:
        shape = read_index_mask(path).shape
        Pillow.fromarray(rng.integers(0, 4, shape).astype(np.uint8)).save(path)


def test_the_curve_is_of_val_and_the_reported_masks_have_no_say(
    root: Path, outputs: Path, tmp_path: Path, capsys: Capture
) -> None:
    first = evaluated(root, outputs, capsys, ARGMAX)
    curve = first["threshold_curve"]
    assert curve["split"] == "val"
    assert curve["thresholds"] == [step / 100 for step in range(101)]
    best = curve["thresholds"].index(curve["best"])
    assert curve["miou"][best] == max(curve["miou"]) > min(curve["miou"])
    (result,) = first["pseudo_mask_at_best"].values()
    assert set(first["pseudo_mask_at_best"]) == {"test"}
    assert result["rule"]["split"].endswith("/test")
    chosen = f"/val, background_threshold={curve['best']}"
    assert result["rule"]["threshold_from"].endswith(chosen)
    assert first["pseudo_mask"]["test"]["rule"]["threshold_from"] == (
        "config, background_threshold=0.4"
    )
    assert list(outputs.glob("artifacts/evaluate/*/figures/threshold_curve.png"))

    changed = Path(shutil.copytree(root, tmp_path / "root"))
    noise(changed / "masks", "test_*.png")
    second = evaluated(changed, outputs, capsys, ARGMAX)
    assert second["threshold_curve"] == curve
    assert second["pseudo_mask"]["test"]["miou"] != first["pseudo_mask"]["test"]["miou"]
    assert second["pseudo_mask_at_best"]["test"]["miou"] != result["miou"]

    noise(changed / "masks", "val_*.png")
    third = evaluated(changed, outputs, capsys, ARGMAX)
    assert third["threshold_curve"]["miou"] != curve["miou"]
    assert third["pseudo_mask"] == second["pseudo_mask"]


def test_the_curve_agrees_with_masks_made_at_its_thresholds(
    root: Path, outputs: Path, capsys: Capture
) -> None:
    """With ``val`` reported the curve is of ``train``, whose masks are always judged."""
    for threshold in (0.4, 0.73):
        metrics = evaluated(
            root,
            outputs,
            capsys,
            ARGMAX,
            "evaluation.split=val",
            f"pseudo_mask.background_threshold={threshold}",
            "pseudo_mask.margin=0.05",
        )
        curve = metrics["threshold_curve"]
        assert curve["split"] == "train"
        at = curve["thresholds"].index(threshold)
        assert curve["miou"][at] == metrics["pseudo_mask"]["train"]["miou"]
        assert metrics["pseudo_mask"]["train"]["unlabelled_share"] > 0
    best = metrics["threshold_curve"]["best"]
    again = evaluated(
        root,
        outputs,
        capsys,
        ARGMAX,
        "evaluation.split=val",
        f"pseudo_mask.background_threshold={best}",
        "pseudo_mask.margin=0.05",
    )
    by_hand, chosen = again["pseudo_mask"]["val"], metrics["pseudo_mask_at_best"]["val"]
    assert by_hand["confusion"] == chosen["confusion"]
    assert chosen["rule"]["threshold_from"] == (
        f"config, margin=0.05; {chosen['rule']['split'].removesuffix('/val')}/train, "
        f"background_threshold={best}"
    )


def test_without_other_masks_or_a_threshold_there_is_no_curve(
    root: Path, outputs: Path, tmp_path: Path, capsys: Capture
) -> None:
    adaptive = evaluated(root, outputs, capsys, "pseudo_mask=adaptive")
    assert "threshold_curve" not in adaptive and "pseudo_mask_at_best" not in adaptive
    assert adaptive["pseudo_mask"]["test"]["rule"]["threshold_from"] == "none"

    alone = Path(shutil.copytree(root, tmp_path / "root"))
    for path in [*alone.glob("masks/train_*"), *alone.glob("masks/val_*")]:
        path.unlink()
    metrics = evaluated(alone, outputs, capsys, ARGMAX)
    assert set(metrics["pseudo_mask"]) == {"test"}
    assert "threshold_curve" not in metrics

"""The finished classifier knows no labels: its scores and maps do not depend on them."""

from __future__ import annotations

import inspect
import shutil
from pathlib import Path

import pytest
from helpers import tiny

from wsss.data.files.labels import ID_COLUMN
from wsss.maps.class_maps import class_maps, view_maps
from wsss.models import ClassTokenViT
from wsss.training.losses import class_probabilities
from wsss.training.predict import predict_probabilities


@pytest.mark.parametrize(
    "function",
    [
        *(ClassTokenViT.forward, ClassTokenViT.score, ClassTokenViT.encode),
        *(class_maps, view_maps, class_probabilities, predict_probabilities),
    ],
    ids=lambda function: function.__name__,
)
def test_no_way_in_for_labels(function: object) -> None:
    """What hides tokens while training is left out by default, and by every caller below."""
    assert callable(function)
    parameters = inspect.signature(function).parameters
    assert "labels" not in parameters
    if "hidden" in parameters:
        assert parameters["hidden"].default is None


def move_labels_on(labels_file: Path, ids: set[str]) -> None:
    """Give each of the images the labels of the next one."""
    header, *lines = labels_file.read_text().splitlines()
    assert header.startswith(ID_COLUMN)
    rows = dict(line.split(",", 1) for line in lines)
    chosen = [image_id for image_id in rows if image_id in ids]
    moved = {
        image_id: rows[source]
        for image_id, source in zip(chosen, [*chosen[1:], chosen[0]], strict=True)
    }
    assert len(chosen) == len(ids) and any(rows[i] != moved[i] for i in chosen)
    body = [f"{image_id},{cells}" for image_id, cells in (rows | moved).items()]
    labels_file.write_text("\n".join([header, *body]) + "\n")


def test_other_labels_of_test_images_change_nothing_but_the_masks_they_are_given_to(
    finished: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy, symlinks=True)
    (masks,) = finished.glob("artifacts/generate/*/test")
    (labels_file,) = copy.glob("data/synthetic*/labels.csv")
    move_labels_on(labels_file, {path.stem for path in masks.glob("*.tif")})

    done = tiny.run(copy, "stage=[train,prune,extract,generate]")

    assert done.stdout.count("up to date") == 2  # labels of the test split train nothing
    before, after = tiny.hashes(finished), tiny.hashes(copy)
    for stage in ("extract", "generate"):
        (old,) = [files for name, files in before.items() if name.startswith(f"{stage}/")]
        (new,) = [
            files
            for name, files in after.items()
            if name.startswith(f"{stage}/") and name not in before
        ]
        changed = {name.split("/")[0] for name in old if new[name] != old[name]}
        assert old.keys() == new.keys()
        assert changed - {"metrics.json"} == ({"test"} if stage == "generate" else set())

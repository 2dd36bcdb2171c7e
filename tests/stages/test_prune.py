"""What stage prune says of every head."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
import torch
from helpers import tiny
from rich.console import Console
from safetensors.torch import load_file

from wsss.config.composing import compose_config
from wsss.data.open import open_dataset
from wsss.engine.artifacts import Artifact
from wsss.engine.stage import Context, Stage
from wsss.maps.head_confidence import head_confidence
from wsss.models.checkpoint import load_classifier
from wsss.models.gates import HeadGates
from wsss.models.input_spec import prepare
from wsss.stages import prune, train
from wsss.stages.gates import GATES
from wsss.stages.pruning import HEADS
from wsss.tracking import RunLog

SMALL = (
    "dataset.scenes_train=4",
    "dataset.scenes_val=3",
    "dataset.scenes_test=1",
    "dataset.scene_size=16",
    "model.embed_dim=12",
    "model.num_heads=3",
    "trainer.max_epochs=1",
    "trainer.batch_size=2",
    "trainer.accelerator=cpu",
    "trainer.progress_bar=false",
    "tracking=none",
)
KINDS = {
    "after": ("pruning=after", "pruning.max_epochs=1", "pruning.keep=0.5"),
    "joint": ("pruning=joint", "pruning.keep=0.5"),
    "none": ("pruning=none",),
}
Make = Callable[[str], tuple[Path, Path]]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Gives the artifacts of train and prune for a kind of pruning; prune runs anew every time."""
    root = tmp_path_factory.mktemp("prune")
    trained: dict[str, Path] = {}

    def run(stage: Stage, kind: str, upstream: dict[str, Path]) -> Path:
        config = compose_config(f"paths.outputs={root}", *SMALL, *KINDS[kind])
        artifact = Artifact(root, stage.name, 1, [kind, len(list(root.glob("*/*")))], {})
        artifact.path.mkdir(parents=True)
        log = RunLog(root / "log", "probe", "")
        dataset = open_dataset(config.dataset)
        stage.run(Context(config, dataset, artifact, upstream, log, Console(quiet=True)))
        return artifact.path

    def make(kind: str) -> tuple[Path, Path]:
        if kind not in trained:
            trained[kind] = run(train.STAGE, kind, {})
        return trained[kind], run(prune.STAGE, kind, {"train": trained[kind]})

    return make


def table(pruned: Path) -> list[dict[str, str]]:
    with (pruned / HEADS).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_for_every_head(make: Make, kind: str) -> None:
    _, pruned = make(kind)
    rows = table(pruned)
    assert list(rows[0]) == ["layer", "head", "confidence", "gate", "open_probability", "kept"]
    places = [(int(row["layer"]), int(row["head"])) for row in rows]
    assert places == [(layer, head) for layer in range(2) for head in range(3)]
    assert all(0 < float(row["confidence"]) <= 1 for row in rows)
    assert {row["kept"] for row in rows} == ({"1"} if kind == "none" else {"0", "1"})
    smaller, _ = load_classifier(pruned)
    kept = [sum(row["kept"] == "1" for row in rows if row["layer"] == str(i)) for i in range(2)]
    assert tuple(kept) == smaller.num_heads


@pytest.mark.parametrize("kind", ["after", "joint"])
def test_gates_are_those_that_were_trained(make: Make, kind: str) -> None:
    _, pruned = make(kind)
    gates = HeadGates(2, 3)
    gates.load_state_dict(load_file(pruned / "gates.safetensors"))
    written, rows = json.loads((pruned / GATES).read_text()), table(pruned)
    expected = {
        "gate": [*chain(*written["soft"])],
        "open_probability": gates.open_probability().flatten().tolist(),
        "kept": [*chain(*written["hard"])],
    }
    for name, values in expected.items():
        assert [float(row[name]) for row in rows] == pytest.approx(values, rel=1e-5), name


def test_without_pruning_the_columns_of_gates_are_empty(make: Make) -> None:
    _, pruned = make("none")
    assert {(row["gate"], row["open_probability"]) for row in table(pruned)} == {("", "")}
    assert not (pruned / GATES).exists()
    assert not (pruned / "figures").exists()


@pytest.mark.slow
def test_a_classifier_without_heads_is_warned_of(tmp_path: Path) -> None:
    done = tiny.run(tmp_path, "stage=[train,prune]", "pruning=joint", "pruning.keep=0")

    assert "no head is left" in " ".join(done.stdout.split())
    (manifest,) = tiny.manifests(tmp_path)["prune"]
    assert manifest["metrics"]["heads_kept"] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_confidence_is_that_before_pruning_on_the_validation_split(make: Make, kind: str) -> None:
    trained, pruned = make(kind)
    model, spec = load_classifier(trained)
    config = compose_config(f"paths.outputs={trained.parents[1]}", *SMALL)
    dataset = open_dataset(config.dataset)
    images = [prepare(dataset.read_image(image_id), spec) for image_id in dataset.ids("val")]
    assert len(images) == 3
    expected = [*chain(*head_confidence(model, [torch.stack(images)]))]
    confidence = [float(row["confidence"]) for row in table(pruned)]
    assert confidence == pytest.approx(expected, rel=1e-4)
    assert len(set(confidence)) == len(confidence)


@pytest.mark.parametrize("kind", ["after", "joint"])
def test_a_rerun_gives_the_same_bits(make: Make, kind: str) -> None:
    _, first = make(kind)
    torch.rand(3)  # where PyTorch's own generator stands must not matter
    _, again = make(kind)
    assert first != again
    names = sorted(str(p.relative_to(first)) for p in first.rglob("*") if p.is_file())
    names = [name for name in names if not name.startswith(".work")]
    assert {HEADS, GATES, "figures/heads.png", "classifier.safetensors"} <= set(names)
    for name in names:
        assert (first / name).read_bytes() == (again / name).read_bytes(), name

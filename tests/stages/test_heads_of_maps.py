"""Whose attention stage extract takes: the classifier's before or after pruning, or weighted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from torch import Tensor

from wsss.config.composing import compose_config
from wsss.data.open import open_dataset
from wsss.engine.artifacts import Artifact
from wsss.engine.stage import Context
from wsss.models.checkpoint import save_classifier
from wsss.models.pruning import remove_closed_heads
from wsss.stages import classifier, extract
from wsss.stages.gates import GATES, head_weights
from wsss.tracking import RunLog

SMALL = (
    "dataset.scenes_train=2",
    "dataset.scenes_val=1",
    "dataset.scenes_test=1",
    "dataset.scene_size=16",
    "model.embed_dim=12",
    "model.num_heads=3",
    "trainer.accelerator=cpu",
    "attention.flip=false",
    "attention.scales=[1.0]",
    "tracking=none",
)
SOFT = [[1.0, 0.2, 0.5], [0.6, 0.9, 0.0]]
HARD = [[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]


@dataclass(frozen=True)
class Place:
    """Three classifiers, and a way to take maps from them."""

    trained: Path
    pruned: Path
    """Without the closed heads, and with the gates."""
    passed_through: Path
    """As ``pruning=none`` leaves it."""
    maps: Callable[[str, Path], dict[str, Tensor]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("heads")
    configs = {
        heads: compose_config(f"paths.outputs={root}", *SMALL, f"attention.heads={heads}")
        for heads in ("open", "all", "weighted")
    }
    dataset = open_dataset(configs["open"].dataset)
    spec = classifier.input_spec(configs["open"], dataset)
    model = classifier.build(configs["open"], spec)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8)  # attention of fresh weights is nearly uniform
    for name in ("trained", "pruned", "passed_through"):
        (root / name).mkdir()
    save_classifier(root / "trained", model, spec)
    save_classifier(root / "passed_through", model, spec)
    save_classifier(root / "pruned", remove_closed_heads(model, torch.tensor(HARD)), spec)
    (root / "pruned" / GATES).write_text(json.dumps({"soft": SOFT, "hard": HARD}))

    def maps(heads: str, prune: Path) -> dict[str, Tensor]:
        artifact = Artifact(root, "probe", 1, [heads, str(prune)], {})
        artifact.path.mkdir(parents=True, exist_ok=True)
        upstream = {"train": root / "trained", "prune": prune}
        log = RunLog(root / "log", "probe", "")
        console = Console(quiet=True)
        extract.run(Context(configs[heads], dataset, artifact, upstream, log, console))
        return load_file(artifact.path / "train_00000.safetensors")

    return Place(root / "trained", root / "pruned", root / "passed_through", maps)


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_all_heads_are_those_of_the_classifier_as_trained(place: Place) -> None:
    every = place.maps("all", place.pruned)
    assert same(every, place.maps("open", place.trained))
    assert not same(every, place.maps("open", place.pruned))


def test_weights_are_the_soft_gates_of_the_heads_that_are_left(place: Place) -> None:
    weights = head_weights(place.pruned)
    assert weights is not None
    expected = [torch.tensor([2 / 3, 1 / 3]), torch.tensor([0.4, 0.6])]
    torch.testing.assert_close(weights, expected)
    weighted, equal = (place.maps(heads, place.pruned) for heads in ("weighted", "open"))
    for name, values in equal.items():
        if name.startswith("probabilities"):
            assert torch.equal(weighted[name], values)
        else:
            assert not torch.equal(weighted[name], values)


def test_a_layer_without_heads_has_no_weights(tmp_path: Path) -> None:
    gates = {"soft": [[0.1, 0.2], [0.5, 0.4]], "hard": [[0, 0], [1, 0]]}
    (tmp_path / GATES).write_text(json.dumps(gates))
    weights = head_weights(tmp_path)
    assert weights is not None
    assert [layer.tolist() for layer in weights] == [[], [1.0]]


def test_heads_that_were_kept_with_gates_of_0_weigh_the_same(tmp_path: Path) -> None:
    (tmp_path / GATES).write_text(json.dumps({"soft": [[0.0, 0.0, 0.0]], "hard": [[1, 0, 1]]}))
    weights = head_weights(tmp_path)
    assert weights is not None
    assert [layer.tolist() for layer in weights] == [[0.5, 0.5]]


def test_without_pruning_weighted_is_open(place: Place) -> None:
    assert head_weights(place.passed_through) is None
    weighted, equal = (place.maps(heads, place.passed_through) for heads in ("weighted", "open"))
    assert same(weighted, equal)

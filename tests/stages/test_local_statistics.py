"""Whole runs with an encoder that needs no weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers.command_line import run_main
from helpers.photographs import SMALL, odd_shapes

from wsss.models.checkpoint import load_classifier
from wsss.models.local_statistics import LocalStatistics
from wsss.models.segmenter import load_segmenter

PLAIN = [a for a in SMALL if not a.startswith(("dataset.background", "segmenter.ch"))]
RECIPE = [
    *(*PLAIN, "experiment=local_statistics", "model.patch_members=2", "self_labelling.rounds=2"),
    *("model.patch_size=8", "model.embed_dim=32", "model.depth=0", "dataset.image_size=64"),
    *("trainer.max_epochs=1", "segmenter.image_size=64", "segmenter.window=64"),
    "attention.max_side=null",
]


@pytest.mark.slow
def test_masks_and_a_segmenter_without_any_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    arguments = [*RECIPE, f"dataset.root={odd_shapes(pictures)}", f"paths.outputs={tmp_path}"]
    status, printed, complaint = run_main(arguments, capsys)
    assert status == 0, printed + complaint
    assert printed.count("computed once") == 3  # the segmenter reads them too
    (train,) = tmp_path.glob("artifacts/train/" + 16 * "?")
    (segment,) = tmp_path.glob("artifacts/segment/" + 16 * "?")
    encoder = load_classifier(train)[0].patch_embed
    assert isinstance(encoder, LocalStatistics)
    assert (encoder.std > 0).all() and not torch.equal(encoder.std, torch.ones_like(encoder.std))
    taken = load_segmenter(segment)[0].state_dict()
    for name, value in encoder.state_dict().items():
        assert torch.equal(taken[f"encoder.patch_embed.{name}"], value)

    status, printed, _ = run_main([*arguments, "dp_rate=0.9", "seed=5"], capsys)
    assert status == 0 and "computed once" not in printed


def test_weights_have_no_place_in_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = [*RECIPE, f"dataset.root={tmp_path}", "model.pretrained=vit.safetensors"]
    status, _, complaint = run_main(arguments, capsys)
    assert status == 2 and complaint.count("\n") == 1
    assert "leave out model.pretrained" in complaint

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from wsss.errors import UserError
from wsss.models.input_spec import InputSpec
from wsss.models.segformer import SegFormer
from wsss.models.segmenter import (
    DESCRIPTION,
    WEIGHTS,
    build_segmenter,
    load_segmenter,
    predict,
    save_segmenter,
)
from wsss.models.segmenter_config import SegFormerConfig, SegmenterConfig, UNetConfig
from wsss.training.predict import segment_image

SPEC = InputSpec(["a", "b", "c"], ["x", "y"], [0.0, 0.5], [1.0, 2.0], 32, "resize", True)
COMMON: dict[str, Any] = dict(
    image_size=32,
    window=16,
    loss="cross_entropy",
    generalised_q=0.7,
    symmetric_share=0.5,
    bootstrap_share=0.2,
    rounds=1,
    max_epochs=1,
    batch_size=2,
    lr=0.01,
    weight_decay=0.0,
    overlap=0.25,
)
UNET = UNetConfig(name="unet", channels=[4, 8], residual_units=1, **COMMON)
SEGFORMER = SegFormerConfig(
    name="segformer",
    widths=[4, 8],
    depths=[1, 1],
    heads=[1, 2],
    reductions=[2, 1],
    decoder_width=6,
    **COMMON,
)
KINDS = pytest.mark.parametrize("config", [UNET, SEGFORMER], ids=lambda c: c.name)


def build(config: SegmenterConfig, seed: int = 0) -> nn.Module:
    return build_segmenter(config.architecture(), SPEC, seed)


@KINDS
def test_scores_have_the_size_of_the_images(config: SegmenterConfig) -> None:
    network = build(config).eval()
    assert network(torch.rand(2, 2, 24, 40)).shape == (2, 3, 24, 40)


@KINDS
def test_weights_depend_on_the_seed_alone(config: SegmenterConfig) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = build(config)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    again, other = build(config), build(config, seed=1)
    names = dict(first.named_parameters())
    assert all(torch.equal(p, names[name]) for name, p in again.named_parameters())
    assert not all(torch.equal(p, names[name]) for name, p in other.named_parameters())


@KINDS
def test_training_draws_nothing_from_the_process_wide_random_state(config: SegmenterConfig) -> None:
    network = build(config).train()
    before = torch.get_rng_state()
    network(torch.rand(2, 2, 16, 16, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.get_rng_state(), before)


@KINDS
def test_every_parameter_learns(config: SegmenterConfig) -> None:
    network = build(config).train()
    network(torch.rand(2, 2, 32, 32)).square().sum().backward()
    untaught = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    # Batch normalisation removes a constant that is added before it.
    assert not [n for n in untaught if not n.endswith("bias")]


def test_segformer_b0_is_that_of_transformers() -> None:
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    ours = SegFormer(
        3,
        150,
        widths=[32, 64, 160, 256],
        depths=[2, 2, 2, 2],
        heads=[1, 2, 5, 8],
        reductions=[8, 4, 2, 1],
        decoder_width=256,
    ).eval()
    config = SegformerConfig(num_labels=150)  # type: ignore[call-arg]
    theirs = SegformerForSemanticSegmentation(config)
    theirs.train(False)
    theirs.load_state_dict(ours.network.state_dict())
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        quarter, full = theirs(pixel_values=images).logits, ours(images)
    assert quarter.shape == (1, 150, 16, 16)
    # Linear between the centres of the coarse pixels, which lie 4 apart: here half-way.
    assert torch.allclose(
        full[..., 3:5, 3:5].mean(dim=(-1, -2)), quarter[..., :2, :2].mean(dim=(-1, -2)), atol=1e-5
    )
    assert torch.allclose(full.mean(dim=(-1, -2)), quarter.mean(dim=(-1, -2)), atol=1e-5)


@KINDS
def test_a_saved_segmenter_loads_with_equal_scores(config: SegmenterConfig, tmp_path: Path) -> None:
    network = build(config)
    network.train()(torch.rand(4, 2, 32, 32))  # moves the statistics of batch normalisation
    network.eval()
    save_segmenter(tmp_path, network, config, SPEC)
    loaded, spec = load_segmenter(tmp_path)
    images = torch.rand(2, 2, 32, 32)
    assert spec == SPEC and not loaded.training
    assert torch.equal(loaded(images), network(images))


def test_a_file_from_before_there_was_a_choice_is_a_unet(tmp_path: Path) -> None:
    save_segmenter(tmp_path, build(UNET), UNET, SPEC)
    description = json.loads((tmp_path / DESCRIPTION).read_text())
    del description["model"]["name"]
    (tmp_path / DESCRIPTION).write_text(json.dumps(description))
    loaded, _ = load_segmenter(tmp_path)
    assert loaded(torch.zeros(1, 2, 16, 16)).shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "os.system"},
        {"name": "segformer"},
        {"_target_": "os.system"},
        {"channels": [4, 9]},
        {"channels": "rm"},
        {"channels": None},
    ],
    ids=str,
)
def test_a_spoilt_description_is_one_line(changes: dict[str, Any], tmp_path: Path) -> None:
    save_segmenter(tmp_path, build(UNET), UNET, SPEC)
    description = json.loads((tmp_path / DESCRIPTION).read_text())
    description["model"] |= changes
    (tmp_path / DESCRIPTION).write_text(json.dumps(description))
    with pytest.raises(UserError, match="holds no readable segmenter") as caught:
        load_segmenter(tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_and_damaged_weights_are_one_line(tmp_path: Path) -> None:
    save_segmenter(tmp_path, build(UNET), UNET, SPEC)
    (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:50])
    with pytest.raises(UserError, match="holds no readable segmenter"):
        load_segmenter(tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(UserError, match="holds no readable segmenter"):
        load_segmenter(tmp_path)


class Bands(nn.Module):
    """Scores that are the image itself."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


def test_windows_slide_over_the_whole_image() -> None:
    image = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(
        predict(Bands(), image, window=(16, 16), overlap=0.25, size=(32, 32)),
        image.argmax(0).byte(),
    )
    assert predict(Bands(), image, window=(16, 16), overlap=0.25, size=(50, 20)).shape == (50, 20)


@pytest.mark.parametrize(
    ("config", "key", "value"),
    [
        (UNET, "channels", [4, 0]),
        (UNET, "residual_units", -1),
        (UNET, "window", 15),
        (SEGFORMER, "depths", [1]),
        (SEGFORMER, "depths", [1, 0]),
        (SEGFORMER, "heads", [1, 3]),
        (SEGFORMER, "reductions", [1, 1, 1]),
        (SEGFORMER, "reductions", [8, 1]),
        (SEGFORMER, "decoder_width", 0),
        (SEGFORMER, "widths", []),
        (SEGFORMER, "window", 33),
    ],
)
def test_sizes_that_do_not_fit_are_named(config: SegmenterConfig, key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"segmenter.{key}"):
        replace(config, **{key: value})


def test_only_what_determines_the_weights_counts() -> None:
    plain, robust = UNET.determining(), replace(UNET, loss="generalised_ce").determining()
    parameters = {"generalised_q", "symmetric_share", "bootstrap_share"}
    assert not parameters & set(plain) and parameters & set(robust) == {"generalised_q"}
    # Windows overlap at prediction alone, which only further rounds learn from.
    assert not {"overlap", "rounds"} & set(plain)
    assert {"overlap", "rounds"} < set(replace(UNET, rounds=2).determining())
    assert plain["channels"] == [4, 8] and plain["loss"] == "cross_entropy"


@pytest.mark.parametrize("window", [13, 16, 17, 29, 30])
def test_the_smallest_window_that_is_allowed_works(window: int) -> None:
    config = replace(SEGFORMER, window=window, reductions=[4, 2])
    assert build(config).eval()(torch.zeros(1, 2, window, window)).shape == (1, 3, window, window)


@pytest.mark.parametrize(("fit", "seen"), [("keep", (12, 32)), ("pad", (32, 32))])
def test_a_network_sees_what_it_has_learnt_from(fit: str, seen: tuple[int, int]) -> None:
    class Recorder(Bands):
        shapes: ClassVar[set[tuple[int, int]]] = set()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.shapes.add((images.shape[-2], images.shape[-1]))
            return images

    image = np.random.default_rng(0).random((2, 40, 110), np.float32)
    spec = replace(SPEC, fit=fit, patch_size=4 if fit == "keep" else 1)
    device = torch.device("cpu")
    mask = segment_image(Recorder(), image, spec=spec, window=32, overlap=0.25, device=device)
    assert mask.shape == (40, 110) and Recorder.shapes == {seen}

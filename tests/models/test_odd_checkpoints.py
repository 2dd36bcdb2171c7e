"""A checkpoint of any content is loaded, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.small_vit import build
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from wsss.errors import UserError
from wsss.models.checkpoint import load_weights
from wsss.models.released.pretrained import load_pretrained

BANDS = ("red", "green", "blue")
ONE = torch.ones(1, 1, 8)


class Thing:
    """What no checkpoint may make us build."""


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _saved(content: Any) -> Callable[[Path], None]:
    return lambda path: torch.save(content, path)


ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty file": (lambda path: path.touch(), "it is empty"),
    "text": (lambda path: _write(path, b"weights"), "x.pt"),
    "Python objects": (_saved({"a": Thing()}), "it holds Python objects"),
    "a list": (_saved([ONE]), "is no state dict of tensors"),
    "integer keys": (_saved({3: ONE}), "3 names no tensor"),
    "numbers": (_saved({"a": 3}), "'a' names no tensor"),
    "nested": (_saved({"a": {"b": ONE}}), "'a' names no tensor"),
    "sparse": (_saved({"cls_token": ONE.to_sparse()}), "is sparse or quantised"),
    "meta": (_saved({"cls_token": ONE.to("meta")}), "has a shape but no values"),
    "complex": (_saved({"cls_token": ONE.to(torch.complex64)}), "is complex"),
    "NaN": (_saved({"cls_token": ONE * torch.nan}), "'cls_token' holds NaN"),
    "no transformer": (_saved({"conv.weight": ONE}), "x.pt"),
    "class token alone": (_saved({"cls_token": ONE}), "x.pt"),
    "integers": (_saved({"cls_token": ONE.long(), "pos_embed": ONE.long()}), "x.pt"),
    "class token of one number": (_saved({"cls_token": torch.tensor(1.0)}), "x.pt"),
    "BEiT": (
        _saved({"cls_token": ONE, "encoder.relative_position_bias.x": ONE}),
        "relative positions, as BEiT",
    ),
    "half of an attention": (
        _saved(
            {
                "embeddings.cls_token": ONE,
                "encoder.layer.0.attention.attention.query.weight": ONE,
            }
        ),
        "has no key",
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_files_are_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    write, words = ODD[kind]
    write(tmp_path / "x.pt")
    _refused(tmp_path / "x.pt", words)


@pytest.mark.parametrize("cut", [1, 7, 100, -1])
def test_truncated_safetensors(cut: int, tmp_path: Path) -> None:
    save_file({"cls_token": ONE.clone()}, tmp_path / "whole.safetensors")
    content = (tmp_path / "whole.safetensors").read_bytes()
    (tmp_path / "x.safetensors").write_bytes(content[:cut])
    _refused(tmp_path / "x.safetensors", "cannot be read")


def test_rotary_positions_are_named(tmp_path: Path) -> None:
    torch.save({"cls_token": torch.ones(1, 1, 32)}, tmp_path / "x.pt")
    model = build()
    width = model.cls_token.shape[-1]
    torch.save({"cls_token": torch.ones(1, 1, width)}, tmp_path / "x.pt")
    with pytest.raises(UserError, match=r"rotary positions, .* set model=transformers"):
        load_pretrained(model, tmp_path / "x.pt", BANDS)


NAMES = st.sampled_from(
    [
        "cls_token",
        "pos_embed",
        "patch_embed.proj.weight",
        "patch_embed.proj.bias",
        "blocks.0.norm1.weight",
        "blocks.0.ls1.gamma",
        "blocks.x.attn.qkv.weight",
        "embeddings.cls_token",
        "state_dict",
        "teacher.cls_token",
    ]
)
SHAPES = st.lists(st.integers(0, 4), max_size=4)
TENSORS = st.builds(
    lambda shape, kind: torch.ones(shape, dtype=kind),
    SHAPES,
    st.sampled_from([torch.float32, torch.float16, torch.int64, torch.bool, torch.complex64]),
)
VALUES = TENSORS | st.none() | st.integers() | st.text(max_size=3)


@settings(max_examples=settings().max_examples // 2 or 1)
@given(st.dictionaries(NAMES | st.integers() | st.text(max_size=4), VALUES, max_size=6))
def test_any_dictionary_costs_at_most_a_line(
    tmp_path_factory: pytest.TempPathFactory, content: dict[Any, Any]
) -> None:
    path = tmp_path_factory.mktemp("odd") / "x.pt"
    torch.save(content, path)
    _refused(path, "x.pt")


def _refused(path: Path, words: str) -> None:
    model = build()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for load in (
        lambda: load_pretrained(model, path, BANDS),
        lambda: load_weights(model, path),
    ):
        with pytest.raises(UserError) as caught:
            load()
        line = str(caught.value)
        assert "\n" not in line and path.name in line, line
        if load.__code__.co_names[0] == "load_pretrained":
            assert words in line, line
    assert all(torch.equal(before[n], v) for n, v in model.state_dict().items())

"""Golden outputs of the reference implementations; tests skip where they are absent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

PREFIX = "state_dict."


class Golden(NamedTuple):
    state: dict[str, Tensor]
    outputs: dict[str, Tensor]
    num_heads: int


def fixture_file(name: str) -> Path:
    beside = Path(__file__).resolve().parents[3] / "shared" / "fixtures"
    path = Path(os.environ.get("WSSS_FIXTURES", beside)) / f"{name}.safetensors"
    if not path.is_file():
        pytest.skip(f"no golden outputs at {path} (set WSSS_FIXTURES)")
    return path


def read_golden(name: str) -> Golden:
    with safe_open(fixture_file(name), "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        metadata = file.metadata() or {}
    return Golden(
        {k.removeprefix(PREFIX): v for k, v in tensors.items() if k.startswith(PREFIX)},
        {k: v for k, v in tensors.items() if not k.startswith(PREFIX)},
        int(metadata.get("num_heads", 0)),
    )


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual.float(), expected.float(), rtol=0, atol=1e-5)

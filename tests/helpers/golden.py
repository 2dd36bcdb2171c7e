"""Golden outputs of the reference implementations; ``tests/golden/README.md`` describes them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from torch import Tensor

FOLDER = Path(__file__).resolve().parents[1] / "golden"
PREFIX = "state_dict."


class Golden(NamedTuple):
    state: dict[str, Tensor]
    outputs: dict[str, Tensor]
    num_heads: int


def read_golden(name: str) -> Golden:
    with safe_open(FOLDER / f"{name}.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        metadata = file.metadata() or {}
    return Golden(
        {k.removeprefix(PREFIX): v for k, v in tensors.items() if k.startswith(PREFIX)},
        {k: v for k, v in tensors.items() if not k.startswith(PREFIX)},
        int(metadata.get("num_heads", 0)),
    )


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual.float(), expected.float(), rtol=0, atol=1e-5)

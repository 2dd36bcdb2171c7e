"""A small class-token ViT for tests, images for it, and a watch for large tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from wsss.models import ClassTokenViT


def build(**changes: Any) -> ClassTokenViT:
    """A small model whose weights are large enough for attention to be far from uniform."""
    sizes: dict[str, Any] = dict(
        image_size=16,
        patch_size=4,
        in_channels=3,
        num_classes=5,
        embed_dim=24,
        depth=3,
        num_heads=4,
        generator=torch.Generator().manual_seed(0),
    )
    model = ClassTokenViT(**(sizes | changes))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def images(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(2))


class SquaresSeen(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records tensors in which two dimensions or more are at least ``tokens`` long."""

    def __init__(self, tokens: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tokens = tokens
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for part in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(part, Tensor) and sum(side >= self._tokens for side in part.shape) > 1:
                self.found.append(f"{func} {tuple(part.shape)}")
        return result

"""Scenes whose colours show the classes, for the copies of datasets."""

from __future__ import annotations

from collections.abc import Sequence
from colorsys import hsv_to_rgb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def scene(
    rng: np.random.Generator, size: tuple[int, int], classes: Sequence[int]
) -> tuple[Pixels, Pixels]:
    """Draw one rectangle per class side by side, on a background of the first class.

    Args:
        rng: for the positions of rectangles, and noise.
        size: height and width.
        classes: distinct indices in 0..254; all are visible in the scene.

    Returns:
        RGB ``[H, W, 3]`` and class indices ``[H, W]``.
    """
    height, width = size
    mask = np.full(size, classes[0], np.uint8)
    edges = np.linspace(0, max(size), len(classes)).astype(int)
    for index, start, stop in zip(classes[1:], edges, edges[1:], strict=False):
        across = min(size)
        low, high = rng.integers(1, across // 3), rng.integers(2 * across // 3, across)
        along = slice(start + rng.integers(1, 3), stop - rng.integers(1, 3))
        where = (slice(low, high), along) if width >= height else (along, slice(low, high))
        mask[where] = index
    hues = [index * 0.618 % 1 for index in range(255)]  # far apart also for neighbours
    colours = 255 * np.array([hsv_to_rgb(hue, 0.8, 0.8) for hue in hues])
    rgb = colours[mask] + rng.normal(0, 6, (*size, 3))
    return rgb.clip(0, 255).astype(np.uint8), mask


def cut_short(path: Path) -> None:
    """Keep the first half of a file, as after an interrupted download."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])

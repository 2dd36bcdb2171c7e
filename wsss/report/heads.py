"""Table and figure of all attention heads: confidence, and the result of pruning."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from wsss.atomic import replacing
from wsss.report.gates import as_matrix, draw_gates, draw_heads, panel_size


def write_head_table(path: Path, columns: Mapping[str, Sequence[Sequence[float]] | None]) -> None:
    """Write a CSV table with one row per head, sorted by layer and head, both counted from 0.

    Args:
        path: the file.
        columns: ``[layers][heads]`` by name, written with six digits; ``None`` leaves a column
            empty; at least one must be given.
    """
    known = next(values for values in columns.values() if values is not None)
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["layer", "head", *columns])
        for layer, heads in enumerate(known):
            for head in range(len(heads)):
                cells = ("" if v is None else f"{v[layer][head]:.6g}" for v in columns.values())
                writer.writerow([layer, head, *cells])


def heads_figure(confidence: ArrayLike, gates: ArrayLike, kept: ArrayLike) -> Figure:
    """Heat-maps of confidence, with closed heads marked x, and of gates, with closed heads grey.

    Args:
        confidence: ``[layers, heads]`` in (0, 1], see `wsss.maps.head_confidence`.
        gates: ``[layers, heads]`` in [0, 1].
        kept: ``[layers, heads]``, true for heads that are kept.

    Raises:
        ValueError: one is not a matrix, or shapes differ.
    """
    percent, values = 100 * as_matrix("confidence", confidence), as_matrix("gates", gates)
    left = as_matrix("kept", kept) > 0
    if not percent.shape == values.shape == left.shape:
        raise ValueError(f"shapes of heads differ: {percent.shape}, {values.shape}, {left.shape}")
    width, height = panel_size(values)
    figure = Figure(figsize=(2 * width, height), layout="constrained")
    first, second = figure.subplots(1, 2)
    everywhere = np.ones_like(left)
    highest, blues = float(percent.max()), colormaps["Blues"]
    draw_heads(first, percent, everywhere, text="{:.1f}", highest=highest, colours=blues)
    rows, columns = np.nonzero(~left)
    first.plot(columns + 0.35, rows - 0.3, "x", color="tab:orange", markersize=4)
    first.set_title("Confidence in % (x: closed)", fontsize=10)
    draw_gates(second, values, left)
    return figure

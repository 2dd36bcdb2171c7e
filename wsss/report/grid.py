"""Grid of predictions: one row per image, with masks and maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from wsss.data.types import IGNORE_INDEX, DatasetInfo, Image, Mask
from wsss.report.display import display_colours, short_id
from wsss.report.figures import ABSENT_COLOUR

Floats = NDArray[np.floating]

# Lengths in inches.
_CELL, _GAP, _MARGIN, _TITLE, _LEGEND_LINE = 1.7, 0.12, 0.15, 0.36, 0.24
_TALLEST = 1.6 * _CELL


@dataclass(frozen=True)
class GridRow:
    """One image; every mask has the image's own size."""

    image_id: str
    image: Image
    labels: tuple[int, ...]
    """Classes the image is labelled with."""
    maps: Mapping[int, Floats] = field(default_factory=dict)
    """Attention map ``[h, w]``, at least 0, of each class to show; scaled to its own maximum."""
    probabilities: Mapping[int, float] = field(default_factory=dict)
    """Predicted probability of classes in ``maps``, where known."""
    pseudo_mask: Mask | None = None
    prediction: Mask | None = None
    target: Mask | None = None

    def masks(self) -> dict[str, Mask]:
        """The masks that are set, by title."""
        named = {
            "ground truth": self.target,
            "segmenter": self.prediction,
            "pseudo-mask": self.pseudo_mask,
        }
        return {title: mask for title, mask in named.items() if mask is not None}


def prediction_grid(rows: Sequence[GridRow], info: DatasetInfo) -> Figure:
    """Image, masks and the map of each class, one row per image, with a legend.

    Missing cells are left out. Pixels without a class are light grey. The legend names only classes
    that appear.

    Raises:
        ValueError: no rows.
    """
    if not rows:
        raise ValueError("prediction grid: no rows")
    columns = max(1 + len(row.masks()) + len(row.maps) for row in rows)
    columns = max(columns, 3)  # room for the legend
    width = 2 * _MARGIN + columns * (_CELL + _GAP) - _GAP
    patches = _legend(rows, info)
    per_line = max(1, int(width / 1.2))
    legend_height = -(-len(patches) // per_line) * _LEGEND_LINE + _MARGIN
    heights = [min(_CELL * row.image.shape[1] / row.image.shape[2], _TALLEST) for row in rows]
    height = sum(heights) + len(rows) * _TITLE + _MARGIN + legend_height

    figure = Figure(figsize=(width, height))
    top = height
    for row, cell_height in zip(rows, heights, strict=True):
        top -= _TITLE + cell_height
        for column, (title, picture, heat) in enumerate(_cells(row, info)):
            left = _MARGIN + column * (_CELL + _GAP)
            axes = figure.add_axes(
                (left / width, top / height, _CELL / width, cell_height / height)
            )
            extent = (0.0, float(row.image.shape[2]), float(row.image.shape[1]), 0.0)
            axes.imshow(picture, extent=extent, interpolation="nearest")
            if heat is not None:  # transparent where the map is low, so that the image is visible
                axes.imshow(
                    heat,
                    cmap="turbo",
                    vmin=0,
                    vmax=1,
                    alpha=0.25 + 0.45 * heat,
                    extent=extent,
                    interpolation="bilinear",
                )
            axes.set_axis_off()
            axes.set_title(title, fontsize=7, pad=3)
    if patches:
        figure.legend(
            handles=patches, loc="lower center", ncols=per_line, fontsize=7, frameon=False
        )
    return figure


def _cells(row: GridRow, info: DatasetInfo) -> list[tuple[str, Floats, Floats | None]]:
    """Title, picture ``[H, W, 3]`` and overlaid heat-map in [0, 1] of every cell of a row."""
    colour = display_colours(row.image, info)
    cells: list[tuple[str, Floats, Floats | None]] = [(short_id(row.image_id), colour, None)]
    cells += [(title, _paint(mask, info), None) for title, mask in row.masks().items()]
    grey = np.repeat(colour.mean(axis=2, keepdims=True), 3, axis=2)
    for index, values in row.maps.items():
        title = f"{info.classes[index]}\n{'given' if index in row.labels else 'not given'}"
        if index in row.probabilities:
            title += f", p = {row.probabilities[index]:.2f}"
        peak = float(values.max())
        heat = np.clip(np.asarray(values, np.float32) / (peak if peak > 0 else 1.0), 0, 1)
        cells.append((title, grey, heat))
    return cells


def _paint(mask: Mask, info: DatasetInfo) -> Floats:
    table = np.full((256, 3), float(ABSENT_COLOUR), np.float32)
    table[: len(info.palette)] = np.array(info.palette, np.float32) / 255
    return table[mask]


def _legend(rows: Sequence[GridRow], info: DatasetInfo) -> list[Patch]:
    shown = {value for row in rows for mask in row.masks().values() for value in np.unique(mask)}
    named = [
        (name, "#{:02x}{:02x}{:02x}".format(*info.palette[index]))
        for index, name in enumerate(info.classes)
        if index in shown
    ]
    if IGNORE_INDEX in shown:
        named.append(("no class", ABSENT_COLOUR))
    return [
        Patch(facecolor=colour, edgecolor="0.4", linewidth=0.5, label=name)
        for name, colour in named
    ]

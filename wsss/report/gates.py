"""Heat-maps with one value per attention head."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from numpy.typing import ArrayLike, NDArray

from wsss.report.figures import ABSENT_COLOUR, hide_frame, write_cell

Values = NDArray[np.float64]


def draw_gates(axes: Axes, gates: Values, kept: NDArray[np.bool_]) -> None:
    """Heat-map of gates ``[layers, heads]`` in [0, 1], grey where a head is not kept."""
    draw_heads(axes, gates, kept, text="{:.2f}", highest=1.0, colours=colormaps["YlGn"])
    axes.set_title(f"Gates: {kept.sum()} of {kept.size} heads kept", fontsize=10)


def draw_heads(
    axes: Axes,
    values: Values,
    coloured: NDArray[np.bool_],
    *,
    text: str,
    highest: float,
    colours: Colormap,
) -> None:
    """Heat-map with one value per head and a colour bar.

    Args:
        axes: where to draw.
        values: ``[layers, heads]``, from 0 to ``highest``.
        coloured: ``[layers, heads]``; the other cells are grey.
        text: format string of a value.
        highest: upper end of the colour scale.
        colours: the colour scale.
    """
    shown = axes.imshow(
        np.where(coloured, values, np.nan), cmap=colours, vmin=0, vmax=highest, aspect="auto"
    )
    axes.set_facecolor(ABSENT_COLOUR)
    hide_frame(axes)
    for (row, column), value in np.ndenumerate(values):
        written = text.format(value)
        if coloured[row, column]:
            write_cell(
                axes, written, row=row, column=column, value=value / highest, colours=colours
            )
        else:
            axes.text(column, row, written, ha="center", va="center", fontsize=7, color="0.45")
    layers, heads = values.shape
    axes.set_xticks(range(heads))
    axes.set_yticks(range(layers))
    axes.set_xlabel("head")
    axes.set_ylabel("layer")
    assert axes.figure is not None
    bar = axes.figure.colorbar(shown, ax=axes)
    bar.outline.set_visible(False)


def as_matrix(name: str, values: ArrayLike) -> Values:
    """``[layers, heads]`` as an array; ValueError if it is not a matrix."""
    matrix = np.asarray(values, np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"{name} of shape {matrix.shape}: expected [layers, heads]")
    return matrix


def panel_size(values: Values) -> tuple[float, float]:
    """Width and height, in inches, of a heat-map with its colour bar."""
    layers, heads = values.shape
    return max(4.0, 0.5 * heads + 1.6), max(2.2, 0.32 * layers + 1.1)

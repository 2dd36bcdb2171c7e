"""Which attention heads pruning keeps."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from wsss.report.figures import ABSENT_COLOUR, hide_frame, write_cell

_OPEN = 0.5  # as in `wsss.models.gates.HeadGates.hard`


def gate_heatmap(gates: ArrayLike) -> Figure:
    """Heat-map of gates ``[layers, heads]`` in 0..1; heads that are cut (below 0.5) are grey.

    Raises:
        ValueError: where ``gates`` is not a matrix.
    """
    values = np.asarray(gates, np.float64)
    if values.ndim != 2:
        raise ValueError(f"gates of shape {values.shape}: expected [layers, heads]")
    layers, heads = values.shape
    kept = values >= _OPEN

    figure = Figure(
        figsize=(max(4.0, 0.5 * heads + 1.6), max(2.2, 0.32 * layers + 1.1)), layout="constrained"
    )
    axes = figure.add_subplot()
    colours = colormaps["YlGn"]
    shown = axes.imshow(np.where(kept, values, np.nan), cmap=colours, vmin=0, vmax=1, aspect="auto")
    axes.set_facecolor(ABSENT_COLOUR)
    hide_frame(axes)
    for (row, column), value in np.ndenumerate(values):
        if kept[row, column]:
            write_cell(axes, row, column, f"{value:.2f}", value, colours)
        else:
            axes.text(
                column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color="0.45"
            )
    axes.set_xticks(range(heads))
    axes.set_yticks(range(layers))
    axes.set_xlabel("head")
    axes.set_ylabel("layer")
    axes.set_title(f"Gates: {kept.sum()} of {kept.size} heads kept", fontsize=10)
    bar = figure.colorbar(shown, ax=axes)
    bar.outline.set_visible(False)
    return figure

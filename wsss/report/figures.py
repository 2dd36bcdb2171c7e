"""Saving figures without pyplot and its global state."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from wsss.atomic import replacing

DOTS_PER_INCH = 150
_ENCODINGS: dict[str, dict[str, Any]] = {
    ".png": {"format": "png", "metadata": {"Software": None}},
    ".jpg": {"format": "jpeg", "pil_kwargs": {"quality": 90}},
}
ABSENT_COLOUR = "0.88"
"""Light grey for missing values: unlabelled pixels, empty rows, closed heads."""


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG or JPEG, by the suffix of ``path``, atomically; return ``path``.

    The same figure gives the same bytes: no date or software version is stored. Missing parent
    folders are created.
    """
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # else every draw moves the axes slightly
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DOTS_PER_INCH, **_ENCODINGS[path.suffix])
    with replacing(path) as partial:
        partial.write_bytes(buffer.getvalue())
    return path


def hide_frame(axes: Axes, *sides: str) -> None:
    """Hide some sides of the frame (``"top"``, ...); without any, all sides and the tick marks."""
    axes.spines[list(sides or ("top", "right", "bottom", "left"))].set_visible(False)
    if not sides:
        axes.tick_params(length=0)


def write_cell(
    axes: Axes, text: str, *, row: int, column: int, value: float, colours: Colormap
) -> None:
    """Write text in a heat-map cell of ``value`` in [0, 1], black or white for contrast."""
    red, green, blue, _ = colours(value)
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
    axes.text(
        column, row, text, ha="center", va="center", fontsize=7, color="white" if dark else "black"
    )

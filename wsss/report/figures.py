"""Making and saving figures without pyplot, so that no state outlives a call."""

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
"""Light grey, for what has no value: unlabelled pixels, empty rows, closed heads."""


def save(figure: Figure, path: Path) -> Path:
    """Write ``figure`` as a PNG or JPEG, as ``path`` says, of `DOTS_PER_INCH`; return ``path``.

    The same figure gives the same bytes: no date or software version is stored. The file appears
    whole or not at all; missing parent folders are made.
    """
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # every further draw would move the axes a little
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DOTS_PER_INCH, **_ENCODINGS[path.suffix])
    with replacing(path) as partial:
        partial.write_bytes(buffer.getvalue())
    return path


def hide_frame(axes: Axes, *sides: str) -> None:
    """Remove the given sides of the frame (``"top"``, ...), or all four and the tick marks."""
    axes.spines[list(sides or ("top", "right", "bottom", "left"))].set_visible(False)
    if not sides:
        axes.tick_params(length=0)


def write_cell(
    axes: Axes, row: int, column: int, text: str, value: float, colours: Colormap
) -> None:
    """Write ``text`` in a heat-map cell, in black or white, whichever ``value`` in 0..1 needs."""
    red, green, blue, _ = colours(value)
    dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
    axes.text(
        column, row, text, ha="center", va="center", fontsize=7, color="white" if dark else "black"
    )

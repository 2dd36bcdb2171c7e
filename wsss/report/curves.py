"""Training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wsss.report.figures import hide_frame

_MOST_POINTS_WITH_MARKERS = 40


def training_curves(history: Sequence[Mapping[str, float]]) -> Figure:
    """Losses per epoch above, scores in [0, 1] below.

    Args:
        history: one record per epoch with ``"epoch"`` and values named ``"<split>/<name>"``, not
            necessarily all. Names that contain "loss" are losses, others are scores. Among
            values without a split only ``"dp_rate"`` is drawn, dotted, with the scores.

    Raises:
        ValueError: an empty history.
    """
    if not history:
        raise ValueError("training curves: empty history")
    keys = list(dict.fromkeys(key for record in history for key in record))
    losses = [key for key in keys if "/" in key and "loss" in key]
    scores = [key for key in keys if "/" in key and "loss" not in key]
    scores += [key for key in keys if key == "dp_rate"]

    panels = [(title, names) for title, names in (("loss", losses), ("score", scores)) if names]
    figure = Figure(figsize=(6.4, 0.6 + 2.5 * max(1, len(panels))), layout="constrained")
    for place, (title, names) in enumerate(panels):
        axes = figure.add_subplot(len(panels), 1, place + 1)
        for name in names:
            _draw(axes, history, name)
        axes.set_ylabel(title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
        hide_frame(axes, "top", "right")
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        if title == "score":
            axes.set_ylim(-0.02, 1.02)
        if place == len(panels) - 1:
            axes.set_xlabel("epoch")
    return figure


def _draw(axes: Axes, history: Sequence[Mapping[str, float]], name: str) -> None:
    points = [(record["epoch"], record[name]) for record in history if name in record]
    epochs, values = zip(*points, strict=True)
    (line,) = axes.plot(epochs, values, label=name, linewidth=1.4)
    if len(points) <= _MOST_POINTS_WITH_MARKERS:
        line.set_marker(".")
    if name == "dp_rate":  # a setting, not a result
        line.set(color="0.5", linestyle=":")

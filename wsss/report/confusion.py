"""Figure of a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from wsss.report.figures import ABSENT_COLOUR, hide_frame, write_cell

_MOST_CLASSES_WITH_TEXT = 25


def confusion_figure(confusion: ArrayLike, classes: Sequence[str]) -> Figure:
    """Heat-map of a confusion matrix: each row shows how a true class was predicted, in %.

    Rows of classes that never occur are grey. With more than 25 classes, those that neither occur
    nor are predicted are left out. So is the column of unlabelled pixels if it is empty.

    Args:
        confusion: counts ``[target, prediction]``, with or without a last column of unlabelled
            pixels, as in `wsss.evaluation.metrics.SegmentationEvaluator.result`.
        classes: names of the rows.

    Raises:
        ValueError: the matrix has another shape.
    """
    counts = np.asarray(confusion, np.float64)
    number = len(classes)
    if counts.shape not in ((number, number), (number, number + 1)):
        raise ValueError(f"confusion matrix of shape {counts.shape} for {number} classes")
    if number > _MOST_CLASSES_WITH_TEXT:
        occurs = (counts.sum(axis=1) > 0) | (counts[:, :number].sum(axis=0) > 0)
        occurs[0] |= not occurs.any()
        counts = counts[occurs][:, [*occurs, *[True] * (counts.shape[1] - number)]]
        classes = [name for name, kept in zip(classes, occurs, strict=True) if kept]
        number = len(classes)
    columns = [*classes, "unlabelled"][: counts.shape[1]]
    if len(columns) > number and not counts[:, -1].any():
        counts, columns = counts[:, :-1], columns[:-1]
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)

    side = max(3.2, (0.42 if number <= _MOST_CLASSES_WITH_TEXT else 0.15) * number)
    figure = Figure(figsize=(side * len(columns) / number + 1.8, side + 1.3), layout="constrained")
    axes = figure.add_subplot()
    colours = colormaps["Blues"]
    shown = axes.imshow(shares, cmap=colours, vmin=0, vmax=1, aspect="auto")
    axes.set_facecolor(ABSENT_COLOUR)
    hide_frame(axes)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(number), classes)
    axes.tick_params(labelsize=8)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title("Share of each true class's pixels, %", fontsize=10)
    if number <= _MOST_CLASSES_WITH_TEXT:
        for (row, column), share in np.ndenumerate(shares):
            if not np.isnan(share):
                write_cell(
                    axes, _percent(share), row=row, column=column, value=share, colours=colours
                )
    bar = figure.colorbar(shown, ax=axes, format=lambda share, _: f"{100 * share:.0f}")
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8)
    return figure


def _percent(share: float) -> str:
    return "<1" if 0 < share < 0.005 else f"{100 * share:.0f}"

"""mIoU against the background threshold."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from wsss.report.figures import hide_frame


def threshold_figure(
    *,
    thresholds: Sequence[float],
    miou: Sequence[float],
    best: float,
    configured: float,
    split: str,
) -> Figure:
    """mIoU of pseudo-masks against the background threshold; the best and configured are marked.

    Args:
        thresholds: increasing, in [0, 1].
        miou: at each threshold, in [0, 1].
        best: the threshold with the highest mIoU.
        configured: the threshold that the masks were made with.
        split: where the mIoU was measured.

    Raises:
        ValueError: lengths differ, or the best threshold is not in the list.
    """
    if len(thresholds) != len(miou) or best not in thresholds:
        raise ValueError(f"{len(thresholds)} thresholds, {len(miou)} scores, best at {best}")
    highest = miou[list(thresholds).index(best)]
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(thresholds, [100 * score for score in miou], linewidth=1.4)
    axes.plot(
        [best], [100 * highest], "o", color="C0", label=f"best: {best:g}, {100 * highest:.1f}"
    )
    axes.axvline(configured, color="0.5", linestyle=":", label=f"configured: {configured:g}")
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("background threshold")
    axes.set_ylabel(f"pseudo-mask mIoU on {split}, %")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    hide_frame(axes, "top", "right")
    axes.legend(fontsize=8, frameon=False)
    return figure

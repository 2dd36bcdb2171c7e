"""Bar chart of the IoU per class for several kinds of masks."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from wsss.report.figures import hide_frame

_MOST_CLASSES = 40


def iou_bars(per_class: Mapping[str, Mapping[str, float | None]]) -> Figure:
    """Grouped bars of the IoU in %, one group per class, with the means in the legend.

    With more than 40 classes, those that count for no kind of mask are left out.

    Args:
        per_class: for each kind of mask (such as "pseudo-mask", "segmenter") the IoU in [0, 1] by
            class; ``None`` for a class that does not count, which gets a dash instead of a bar.

    Raises:
        ValueError: no kinds, or kinds with different classes.
    """
    classes = list(next(iter(per_class.values()), {}))
    if not classes or any(list(scores) != classes for scores in per_class.values()):
        raise ValueError("IoU bars: every kind of mask must have the same classes, at least one")
    if len(classes) > _MOST_CLASSES:
        counting = [
            name for name in classes if any(s[name] is not None for s in per_class.values())
        ]
        classes = counting or classes
        per_class = {kind: {n: s[n] for n in classes} for kind, s in per_class.items()}
    bar = 0.8 / len(per_class)
    figure = Figure(
        figsize=(6.4, 1.2 + len(classes) * (0.14 + 0.15 * len(per_class))), layout="constrained"
    )
    axes = figure.add_subplot()
    for place, (kind, scores) in enumerate(per_class.items()):
        counted = [score for score in scores.values() if score is not None]
        mean = f"{100 * sum(counted) / len(counted):.1f}" if counted else "-"
        heights = [index + bar * (place + 0.5) - 0.4 for index in range(len(classes))]
        lengths = [100 * (score or 0.0) for score in scores.values()]
        drawn = axes.barh(heights, lengths, 0.92 * bar, label=f"{kind}, mIoU {mean}")
        texts = ["-" if score is None else f"{100 * score:.1f}" for score in scores.values()]
        axes.bar_label(drawn, texts, padding=3, fontsize=7, color="0.3")
    axes.set_yticks(range(len(classes)), classes, fontsize=8)
    axes.set_ylim(len(classes) - 0.4, -0.6)  # first class on top
    axes.set_xlim(0, 105)
    axes.set_xlabel("IoU, %")
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    hide_frame(axes, "top", "right", "left")
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside upper center", ncols=len(per_class), fontsize=8, frameon=False)
    return figure

"""Plot of a metric against the masking rate, or one bar per configuration."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from wsss.compare.comparison import Comparison
from wsss.compare.keys import ABSENT, is_number, show
from wsss.compare.metrics import METRICS
from wsss.compare.table import Row
from wsss.compare.text import split_of
from wsss.report.figures import hide_frame

_RATE, _MASKING, _PLACE = "masking.dp_rate", "masking.name", "masking.place"
_LEGEND = "rings: seeds; error bars: standard deviation over them"
_SEED: dict[str, Any] = {"s": 14, "facecolors": "white", "linewidths": 1, "zorder": 3}
_STYLES = ("-", "--", ":", "-.")
_HIGHEST = 100.0  # inches
_LONGEST = 60  # characters of a label's line


def comparison_figure(comparison: Comparison) -> Figure:
    """The metric against ``dp_rate``, one line per masking; bars if the rate does not vary.

    Rings are seeds, error bars their sample standard deviation. If other settings differ, too, each
    combination has its own line. Rows without the metric are left out.
    """
    rows = [row for row in comparison.rows if row.scores(comparison.metric)]
    rates = [row.settings.get(_RATE) for row in rows]
    lines = len(set(map(str, rates))) > 1 and all(map(is_number, rates))
    with rc_context({"text.parse_math": False}):  # a $ in a setting is a $
        return _lines(comparison, rows) if lines else _bars(comparison, rows)


def _lines(comparison: Comparison, rows: Sequence[Row]) -> Figure:
    lines: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: float(row.settings[_RATE])):
        lines.setdefault(_line_name(row, rows, comparison.columns), []).append(row)
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.add_subplot()
    for place, (name, members) in enumerate(lines.items()):
        colour = f"C{place % 10}"
        points = [_scaled(row, comparison.metric) for row in members]
        rates = [float(row.settings[_RATE]) for row in members]
        means = [statistics.fmean(seeds) for seeds in points]
        axes.errorbar(
            rates,
            means,
            yerr=[_spread(seeds) for seeds in points],
            label=name,
            color=colour,
            marker="o",
            markersize=4,
            linewidth=1.4,
            linestyle=_STYLES[place // 10 % len(_STYLES)],  # there are ten colours
            capsize=3,
        )
        for rate, seeds in zip(rates, points, strict=True):
            axes.scatter([rate] * len(seeds), seeds, **_SEED, edgecolors=colour)
    axes.set_xlabel("dp_rate, probability that the token of an absent class is hidden")
    axes.set_ylabel(_axis_title(comparison, rows))
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    hide_frame(axes, "top", "right")
    axes.legend(
        title="masking",
        title_fontsize=8,
        fontsize=8,
        frameon=False,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
    )
    axes.set_title(_LEGEND, fontsize=8, color="0.4")
    return figure


def _bars(comparison: Comparison, rows: Sequence[Row]) -> Figure:
    lines = max(1, len(comparison.columns))  # of a label
    height = min(1.1 + len(rows) * (0.27 + 0.13 * lines), _HIGHEST)
    figure = Figure(figsize=(6.4, height), layout="constrained")
    axes = figure.add_subplot()
    places = list(range(len(rows)))
    points = [_scaled(row, comparison.metric) for row in rows]
    means = [statistics.fmean(seeds) for seeds in points]
    axes.barh(places, means, 0.7, xerr=[_spread(seeds) for seeds in points], capsize=3, color="C0")
    for place, seeds in zip(places, points, strict=True):
        axes.scatter(seeds, [place] * len(seeds), **_SEED, edgecolors="0.2")
    labels = [_short(row.label(comparison.columns, "\n")) for row in rows]
    axes.set_yticks(places, labels, fontsize=7)
    axes.set_ylim(len(rows) - 0.4, -0.6)  # first row on top
    axes.set_xlim(left=0)
    axes.set_xlabel(_axis_title(comparison, rows))
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    hide_frame(axes, "top", "right", "left")
    axes.tick_params(axis="y", length=0)
    axes.set_title(_LEGEND, fontsize=8, color="0.4")
    return figure


def _line_name(row: Row, rows: Sequence[Row], columns: Sequence[str]) -> str:
    """The masking, its place if places vary, and other settings that differ."""
    places = {show(other.settings, _PLACE) for other in rows} - {ABSENT}
    parts = [show(row.settings, _MASKING)]
    if len(places) > 1 and _PLACE in row.settings:
        parts.append(show(row.settings, _PLACE))
    rest = [key for key in columns if key not in (_RATE, _MASKING, _PLACE)]
    parts += [f"{key}={show(row.settings, key)}" for key in rest if key in row.settings]
    return _short(", ".join(parts))


def _short(text: str) -> str:
    """The text with its lines cut to the width of the figure."""
    cut = (
        line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…" for line in text.split("\n")
    )
    return "\n".join(cut)


def _scaled(row: Row, metric: str) -> list[float]:
    """Scores of all seeds, shares in %."""
    return [value * (100 if METRICS[metric].share else 1) for value in row.scores(metric).values()]


def _spread(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _axis_title(comparison: Comparison, rows: Sequence[Row]) -> str:
    metric, split = METRICS[comparison.metric], split_of(rows)
    where = f" on {split}" if split and metric.judged else ""
    return f"{metric.title}{where}{', %' if metric.share else ''}"
